import type { ErrorBody } from "../errors.ts";
import type { ComponentName, StackStatus } from "./component.ts";

/** What the supervisor says while it works; renderers print it, `--json` commands collect it. */
export type StackEvent =
  | { type: "plan"; lines: string[] }
  | { type: "component.starting"; component: ComponentName; detail: string }
  | { type: "component.ready"; component: ComponentName; durationMs: number; detail: string; adopted: boolean }
  | { type: "component.stopping"; component: ComponentName }
  | { type: "component.stopped"; component: ComponentName; durationMs: number; killed: boolean }
  | { type: "component.failed"; component: ComponentName; error: ErrorBody }
  | { type: "note"; message: string }
  | { type: "warning"; message: string };

/** Names of components, as `server stop --json` reports them. */
export interface StopReport {
  stopped: ComponentName[];
  killed: ComponentName[];
}

export interface UpOptions {
  timeoutMs: number;
  signal: AbortSignal;
  onEvent: (event: StackEvent) => void;
}

export interface DownOptions {
  /** Only this component; null means the whole stack, the server included. */
  component: ComponentName | null;
  /** Grace before the kill. */
  graceMs: number;
  force: boolean;
  signal: AbortSignal;
  onEvent: (event: StackEvent) => void;
}

/**
 * A stack that runs: implemented by the supervisor inside the server and by the client of its socket, so that
 * commands cannot tell which they hold.
 */
export interface Stack {
  /** Starts what is missing and resolves once every component is ready. Aborting rolls back what this call created. */
  up(options: UpOptions): Promise<StackStatus>;
  down(options: DownOptions): Promise<StopReport>;
  restart(component: ComponentName, options: UpOptions): Promise<StackStatus>;
  status(): Promise<StackStatus>;
  /** A status at once and another after every change, until `signal` aborts or the server ends. */
  watch(signal: AbortSignal): AsyncIterable<StackStatus>;
}
