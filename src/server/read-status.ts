import { AppError } from "../errors.ts";
import type { HomePaths } from "../platform/paths.ts";
import type { StackStatus } from "../stack/component.ts";
import { ServerClient, ServerGoneError } from "./client.ts";
import { findSocketPath } from "./socket-path.ts";

/** What the server is given to answer: `status` must be out within a second whatever happens. */
const SERVER_ANSWER_MS = 300;

/** The server's own word on the stack; null when it does not give it in time. */
export async function askServerForStatus(paths: HomePaths): Promise<StackStatus | null> {
  try {
    const client = new ServerClient(findSocketPath(paths));
    return await client.request<StackStatus>("GET", "/v1/status", undefined, { timeoutMs: SERVER_ANSWER_MS });
  } catch (error) {
    if (error instanceof ServerGoneError) return null;
    if (error instanceof AppError && error.code === "NOT_RUNNING") return null;
    throw error;
  }
}
