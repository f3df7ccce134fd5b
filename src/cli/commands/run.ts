import { AppError } from "../../errors.ts";
import type { CommandHandler } from "../context.ts";
import { ensureServer } from "../ensure-server.ts";
import { attach } from "./run/attach.ts";
import { readRunRequest } from "./run/run-request.ts";

export interface RunOptions {
  agent?: string;
  workflow?: string;
  message?: string;
  input: string[];
  session?: string;
  env: string[];
  detach: boolean;
  timeoutMs: number | null;
  start: boolean;
}

export const handle: CommandHandler<RunOptions> = async (options, context) => {
  const request = await readRunRequest(options, context);
  const client = await ensureServer(context, { start: options.start });
  context.signal.throwIfAborted();
  const { executionId } = await client.request<{ executionId: string }>("POST", "/v1/executions", request);
  if (options.detach) return { data: { executionId }, text: executionId };
  context.stderr.write(`Execution ID: ${executionId}\n`);
  const ending = await attach({ client, context, executionId, kind: request.kind });
  if (ending === null) return null;
  switch (ending.type) {
    case "execution.succeeded":
      return null;
    case "execution.cancelled":
      throw new AppError("EXECUTION_CANCELLED", `The execution ${executionId} was cancelled`);
    case "execution.timed_out":
      throw new AppError("EXECUTION_TIMED_OUT", messageOf(ending.data) ?? "The execution was over its time limit");
    default:
      throw new AppError(
        "EXECUTION_FAILED",
        `${failedPart(ending.data)} failed: ${messageOf(ending.data) ?? "no reason given"}`,
        {
          detail: codeOf(ending.data),
          actions: [{ label: "See what it did", command: `stigmer execution show ${executionId}` }],
        },
      );
  }
};

/** Of a workflow the node that failed. */
function failedPart({ node }: { [key: string]: unknown }): string {
  return typeof node === "string" ? `The node ${node}` : "The execution";
}

function messageOf(data: { [key: string]: unknown }): string | null {
  return textIn(data["error"], "message");
}

/** The code that the event carries where it says more than the exit code does. */
function codeOf(data: { [key: string]: unknown }): string | null {
  const code = textIn(data["error"], "code");
  return code === "EXECUTION_FAILED" ? null : code;
}

function textIn(value: unknown, key: string): string | null {
  if (typeof value !== "object" || value === null) return null;
  const member: unknown = Reflect.get(value, key);
  return typeof member === "string" ? member : null;
}
