import { AppError } from "../errors.ts";
import type { HomePaths } from "../platform/paths.ts";
import { ServerClient, ServerGoneError } from "./client.ts";
import { findSocketPath } from "./socket-path.ts";

export interface ServerHealth {
  status: "ok";
  version: string;
  instance: string;
  pid: number;
  phase: "running" | "stopping";
}

export type ServerProbe =
  | { kind: "answers"; client: ServerClient; health: ServerHealth }
  /** Nobody listens. */
  | { kind: "absent" }
  /** Somebody accepted and did not answer in time. */
  | { kind: "mute" };

/** Asks the server of a home whether it lives: the socket is the proof of life, not a PID file. */
export async function probeServer(paths: HomePaths, timeoutMs: number): Promise<ServerProbe> {
  const client = new ServerClient(findSocketPath(paths));
  try {
    const health = await client.request<ServerHealth>("GET", "/health", undefined, { timeoutMs });
    return { kind: "answers", client, health };
  } catch (error) {
    if (error instanceof ServerGoneError) return { kind: "mute" };
    if (error instanceof AppError && error.code === "NOT_RUNNING") return { kind: "absent" };
    throw error;
  }
}
