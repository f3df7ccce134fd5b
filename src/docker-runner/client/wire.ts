/** What docker-runner takes and answers (docker-runner.md §4, §5), as JSON. */

export interface ContainerOptions {
  image: string;
  name?: string;
  cmd?: string[];
  entrypoint?: string | string[];
  env?: Record<string, string> | string[];
  workingDir?: string;
  /** Default true. */
  autoRemove?: boolean;
  /** `HOST:CONTAINER[:ro]`, or the name of a volume instead of the host's path. */
  binds?: string[];
  networkMode?: string;
  user?: string;
  tty?: boolean;
  labels?: Record<string, string>;
  platform?: string;
  privileged?: boolean;
  anonymousVolumes?: string[];
  /** Of Docker's own container document, as far as the policy allows it. */
  createExtras?: Record<string, unknown>;
  /** After so long without activity the service removes the container. */
  ttlSeconds?: number;
}

export interface StartedContainer {
  containerId: string;
  name?: string;
  status: "running";
}

export interface ExecRequest {
  containerId: string;
  /** Text runs in `/bin/sh -lc`, a list as it is. */
  command: string | string[];
  options?: ExecOptions;
}

export interface ExecOptions {
  workdir?: string;
  env?: Record<string, string>;
  /** 0 or absent: no limit. */
  timeoutMs?: number;
  /** Without a byte on stdout or stderr; 0 or absent: no limit. */
  idleTimeoutMs?: number;
  tty?: boolean;
  /** On expiry the process group is killed inside the container. */
  killOnTimeout?: boolean;
  /** Copies the output to the container's log. */
  logToPid1?: boolean;
}

/** A stream beyond 1 MiB keeps its first and last 512 KiB; `dropped` counts the bytes between them. */
export interface ExecResult {
  stdout: string;
  stderr: string;
  exitCode: number;
  dropped?: { stdout: number; stderr: number };
}

export interface TerminalSize {
  cols: number;
  rows: number;
}

/** What an interactive exec runs; it goes in the first frame, never in the URL. */
export interface InteractiveRequest {
  containerId: string;
  command: string | string[];
  workdir?: string;
  env?: Record<string, string>;
  tty?: boolean;
  /** False merges stderr into stdout. */
  demux?: boolean;
}

/** The last frame of an interactive exec that ended by itself or was closed. */
export interface InteractiveExit {
  execId: string;
  /** Null for a process that had to be left in a container without a shell. */
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

export interface LogQuery {
  containerId: string;
  /** Default true: on as lines are written, until the container stops. */
  follow?: boolean;
  since?: string;
  /** How many lines of the past; all of them when absent. */
  tail?: number;
  stdout?: boolean;
  stderr?: boolean;
}

export interface EventQuery {
  /** RFC 3339 or seconds since the epoch; absent: from now on. */
  since?: string;
  /** As the Engine API takes them: `{"event": ["die"]}`. */
  filters?: Record<string, string[]>;
}

/** One event as the engine tells it. */
export interface ContainerEvent {
  Type: string;
  Action: string;
  Actor: { ID: string; Attributes?: Record<string, string> | null };
  time: number;
  /** Beyond the precision of a number by some hundred nanoseconds. */
  timeNano: number;
}

/** The body of every answer that is no success. */
export interface ErrorAnswer {
  code: string;
  message: string;
  retryable: boolean;
  details?: unknown;
}
