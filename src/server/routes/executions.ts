import * as v from "valibot";
import type { Engine } from "../../engine/engine.ts";
import { AppError } from "../../errors.ts";
import type { ApiRequest, Route } from "../route.ts";
import { mapOf, readBody } from "./read-body.ts";

const variable = v.pipe(v.string(), v.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "is no name of a variable"));

const runBody = v.object({
  kind: v.picklist(["agent", "workflow"]),
  name: v.string(),
  message: v.nullable(v.string()),
  input: v.nullable(mapOf((value) => typeof value === "string")),
  sessionId: v.nullable(v.string()),
  environment: v.record(variable, v.string()),
  timeoutMs: v.nullable(v.pipe(v.number(), v.finite(), v.minValue(1))),
});

const PHASES = ["queued", "running", "succeeded", "failed", "cancelled", "timed_out"] as const;

const listQuery = v.object({
  limit: v.pipe(v.string(), v.regex(/^\d{1,4}$/), v.transform(Number), v.minValue(1), v.maxValue(1000)),
  cursor: v.nullable(v.string()),
  phase: v.nullable(v.picklist(PHASES)),
});

const eventsQuery = v.object({
  after: v.pipe(v.string(), v.regex(/^\d{1,15}$/), v.transform(Number)),
  follow: v.picklist(["true", "false"]),
});

/** Executions over HTTP; the events are newline-delimited JSON. */
export function executionRoutes({ engine }: { engine: Engine }): Route[] {
  return [
    {
      method: "POST",
      path: "/v1/executions",
      handle: async ({ body }) => {
        const executionId = await engine.run(readBody(runBody, body));
        return { status: 201, body: { executionId } };
      },
    },
    {
      method: "GET",
      path: "/v1/executions",
      handle: async ({ query }) => {
        const page = readBody(listQuery, {
          limit: query.get("limit") ?? "50",
          cursor: query.get("cursor"),
          phase: query.get("phase"),
        });
        return { status: 200, body: await engine.list(page) };
      },
    },
    {
      method: "GET",
      path: "/v1/executions/:id",
      handle: async (request) => ({ status: 200, body: { execution: await engine.get(idIn(request)) } }),
    },
    {
      method: "GET",
      path: "/v1/executions/:id/events",
      handle: async (request) => {
        const { query, signal } = request;
        const { after, follow } = readBody(eventsQuery, {
          after: query.get("after") ?? "0",
          follow: query.get("follow") ?? "false",
        });
        const records = engine.events(idIn(request), { afterSeq: after, follow: follow === "true", signal });
        return { status: 200, records };
      },
    },
    {
      method: "POST",
      path: "/v1/executions/:id/cancel",
      handle: async (request) => {
        const executionId = idIn(request);
        return { status: 200, body: { executionId, phase: await engine.cancel(executionId) } };
      },
    },
  ];
}

function idIn({ params }: ApiRequest): string {
  const id = params["id"];
  if (id === undefined) throw new AppError("USAGE", "The path names no execution");
  return id;
}
