import { createHash } from "node:crypto";
import type { WorkflowDefinition } from "../../definitions/workflow-definition.ts";
import { isNestedTooDeep } from "../../protocol/json-depth.ts";
import type { Json } from "../../protocol/messages.ts";
import { checkInputs, type InputMistake } from "../../workflow/inputs.ts";
import { HttpFailure } from "../http/http-failure.ts";
import type { ApiAnswer, ApiRequest, Route } from "../http/route.ts";
import type { Job, JobWithValues } from "../store/jobs-table.ts";
import type { Deployment } from "./deployment.ts";
import { findJob } from "./job-document.ts";
import { RUN_OPERATION } from "./operations.ts";

const LONGEST_KEY = 255;

/** `POST /run`: one job is started, always; it is answered with its outputs, or with where to look for them. */
export function runRoute(deployment: Deployment): Route {
  return {
    method: "POST",
    path: "/run",
    isOpen: false,
    operation: RUN_OPERATION,
    handle: async (request) => {
      const idempotencyKey = readKey(request.headers["idempotency-key"]);
      const body = readBody(request, await request.text());
      const { queue, store } = deployment;
      const bodyDigest = digest(body);
      // Looked for before the inputs are: a repetition is answered as it was, whatever the workflow takes by now.
      const job =
        queue.find({ idempotencyKey, bodyDigest }) ??
        queue.submit({ input: readInput(deployment.definition, body), idempotencyKey, bodyDigest });
      if (!wantsAsync(request)) await endOrTimeout(deployment, job, request.signal);
      const now = findJob(store, job.id);
      if (now.completedAt === null || wantsAsync(request)) {
        await store.flush();
        return accepted(now, request);
      }
      return outcome(now);
    },
  };
}

function readKey(key: string | string[] | undefined): string | null {
  if (key === undefined) return null;
  if (typeof key === "string" && key !== "" && key.length <= LONGEST_KEY) return key;
  throw new HttpFailure(400, "bad_request", `an Idempotency-Key has 1 to ${LONGEST_KEY} characters`);
}

function readBody({ headers }: ApiRequest, text: string): { [field: string]: Json } {
  const body = parseBody(text, headers["content-type"]);
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw invalid([{ field: "", message: "the body must be a JSON object of inputs", suggestion: null }]);
  }
  if (isNestedTooDeep(body)) throw new HttpFailure(400, "bad_request", "the body is nested too deep");
  return body;
}

function readInput({ state }: WorkflowDefinition, body: { [field: string]: Json }): { [field: string]: Json } {
  const { values, mistakes } = checkInputs(state.fields, body);
  if (mistakes.length > 0) throw invalid(mistakes);
  return values;
}

function parseBody(text: string, type: string | undefined): Json {
  if (text.trim() === "") return {};
  try {
    // JSON.parse gives JSON, and nothing else.
    return JSON.parse(text) as Json;
  } catch {
    const hint = type === undefined || /json/i.test(type) ? "" : `, and neither is ${type}`;
    throw new HttpFailure(400, "bad_request", `the body is not JSON${hint}`);
  }
}

function invalid(mistakes: readonly InputMistake[]): HttpFailure {
  const details = mistakes.map(({ field, message, suggestion }) => ({
    field,
    message: suggestion === null ? message : `${message}; did you mean ${suggestion}?`,
  }));
  return new HttpFailure(422, "validation_error", "the inputs are not what the workflow takes", { details });
}

/** Equal bodies give equal digests, however they are written. */
function digest(body: Json): string {
  const sorted = JSON.stringify(body, (_, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)))
      : value,
  );
  return createHash("sha256").update(sorted).digest("hex");
}

/** `Prefer: respond-async` (RFC 7240), among others. */
function wantsAsync({ headers }: ApiRequest): boolean {
  const preferences = [headers["prefer"] ?? []].flat().join(",").split(",");
  return preferences.some((preference) => /^respond-async(\s*;.*)?$/i.test(preference.trim()));
}

async function endOrTimeout({ queue, syncTimeoutMs }: Deployment, job: Job, signal: AbortSignal): Promise<void> {
  const waiting = new AbortController();
  const stop = (): void => waiting.abort();
  const timer = setTimeout(stop, syncTimeoutMs);
  signal.addEventListener("abort", stop);
  try {
    await queue.ended(job.id, waiting.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

function accepted({ id }: Job, request: ApiRequest): ApiAnswer {
  return {
    status: 202,
    json: { status: "async", job_id: id },
    headers: {
      location: `/status/${id}`,
      ...(wantsAsync(request) ? { "preference-applied": "respond-async" } : {}),
    },
  };
}

function outcome({ id, status, error, output, elapsedMs }: JobWithValues): ApiAnswer {
  if (status === "cancelled") throw new HttpFailure(409, "job_cancelled", "the job was cancelled", { jobId: id });
  if (error !== null) throw new HttpFailure(500, error.code, error.message, { jobId: id });
  return { status: 200, json: { status: "success", job_id: id, execution_time_ms: elapsedMs, outputs: output } };
}
