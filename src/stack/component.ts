/** The parts of a stack and what may be said of each (product.md §1, §5). Pure data. */

export const COMPONENT_NAMES = [
  "stigmer-server",
  "workflow-runner",
  "agent-runner",
  "docker-runner",
  "temporal",
] as const;
export type ComponentName = (typeof COMPONENT_NAMES)[number];

/** Components the supervisor starts; the server itself is started by its launcher. */
export type SupervisedName = Exclude<ComponentName, "stigmer-server">;

export type Runtime = "process" | "container";

export const COMPONENT_STATES = [
  "stopped",
  "starting",
  "ready",
  "unhealthy",
  "backoff",
  "failed",
  "stopping",
  "unknown",
] as const;
export type ComponentState = (typeof COMPONENT_STATES)[number];

export const STACK_STATES = ["ready", "starting", "degraded", "stopped", "unknown"] as const;
export type StackState = (typeof STACK_STATES)[number];

/** How a component ended last; `reason` in words: `exit 1`, `killed by SIGKILL`, `out of memory`. */
export interface LastExit {
  at: string;
  code: number | null;
  signal: string | null;
  reason: string;
}

interface CommonStatus {
  name: ComponentName;
  state: ComponentState;
  /** RFC 3339, or null when it does not run. */
  startedAt: string | null;
  restarts: number;
  nextRetryAt: string | null;
  lastExit: LastExit | null;
  message: string | null;
}

export interface ProcessStatus extends CommonStatus {
  runtime: "process";
  pid: number | null;
  /** Where it listens, for components that do. */
  endpoint?: string | null;
  /** How many containers docker-runner holds; null while Docker cannot be asked. */
  containers?: number | null;
}

export interface ContainerStatus extends CommonStatus {
  runtime: "container";
  containerId: string | null;
  /** Null before the first start of a home that does not have the default name. */
  containerName: string | null;
  image: string;
  imageId: string | null;
}

export type ComponentStatus = ProcessStatus | ContainerStatus;

/** `data` of `server status --json`. */
export interface StackStatus {
  state: StackState;
  home: string;
  instance: string;
  version: string;
  components: ComponentStatus[];
  /** Work known to the server; absent when it does not answer. */
  queue?: { queued: number; running: number };
  /** What the user should know though everything runs; one sentence each. */
  warnings?: string[];
}
