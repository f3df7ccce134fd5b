import type { LogLevel } from "@stigmer/agent-runner/logging";
import type { Settings } from "../config/settings.ts";
import type { ErrorBody } from "../errors.ts";
import type { StackStatus } from "../stack/component.ts";
import type { StackEvent } from "../stack/events.ts";

/** What a launcher gives a new server, as JSON in its environment. Holds no secret. */
export interface LaunchOrder {
  home: string;
  settings: Settings;
  timeoutMs: number;
  replaceOutdatedImage: boolean;
  /** The server that finds itself without this parent before it was recorded ends at once. */
  launcherPid: number;
  logLevel: LogLevel;
  /** Where extra certificate authorities lie, for the children that speak TLS. */
  caFile: string | null;
}

export const LAUNCH_ORDER_VARIABLE = "STIGMER_LAUNCH_ORDER";

/** What the new server tells its launcher over IPC: the handshake, then the first start as it goes. */
export type LaunchReport =
  | { type: "started"; pid: number }
  | { type: "event"; event: StackEvent }
  | { type: "ready"; status: StackStatus }
  /** Everything it had made is gone again; the server ends. */
  | { type: "failed"; error: ErrorBody };

/** What the launcher may tell the server while it starts. */
export interface LaunchCommand {
  type: "cancel";
}
