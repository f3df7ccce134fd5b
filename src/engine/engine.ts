import type { ExecutionEvent, Json, TokenUsage } from "@stigmer/agent-runner/protocol";
import type { AppError } from "../errors.ts";

export type ExecutionPhase = "queued" | "running" | "succeeded" | "failed" | "cancelled" | "timed_out";

export interface ExecutionSummary {
  id: string;
  kind: "agent" | "workflow";
  name: string;
  phase: ExecutionPhase;
  createdAt: string;
  endedAt: string | null;
}

export interface ExecutionDetail extends ExecutionSummary {
  startedAt: string | null;
  sessionId: string | null;
  input: Json;
  output: Json;
  error: { code: string; message: string } | null;
  /** What was recorded; of a workflow's steps with `run` and `node`. */
  steps: Json[];
  /** Of a workflow: the runs of its nodes in the order in which they were asked for. */
  nodes: NodeRunDetail[];
  tokens: TokenUsage;
}

export interface NodeRunDetail {
  run: number;
  node: string;
  /** From 1; more only in a loop. */
  iteration: number;
  phase: "open" | "succeeded" | "failed" | "cancelled";
  startedAt: string | null;
  endedAt: string | null;
  durationMs: number | null;
  /** How many. */
  steps: number;
  tokens: TokenUsage;
  output: Json;
  error: { code: string; message: string } | null;
}

export interface RunRequest {
  kind: "agent" | "workflow";
  name: string;
  message: string | null;
  /** From `-i`: texts, read by the types of the workflow's fields. */
  input: { [field: string]: string } | null;
  sessionId: string | null;
  /** From `-e`; never stored in events. */
  environment: { [name: string]: string };
  timeoutMs: number | null;
}

/** Executions, on whichever engine (engine.md §5). */
export interface Engine {
  /** Queues an execution and returns its id. @throws AppError NOT_FOUND, USAGE, LLM_UNAVAILABLE. */
  run(request: RunRequest): Promise<string>;
  /** Ends it as cancelled; of an ended one nothing changes. Returns the phase afterwards. */
  cancel(executionId: string): Promise<ExecutionPhase>;
  get(executionId: string): Promise<ExecutionDetail>;
  list(query: {
    limit: number;
    cursor: string | null;
    phase: ExecutionPhase | null;
  }): Promise<{ executions: ExecutionSummary[]; nextCursor: string | null }>;
  /** Events after `afterSeq`; with `follow` on to the terminal one. */
  events(
    executionId: string,
    options: { afterSeq: number; follow: boolean; signal: AbortSignal },
  ): AsyncIterable<ExecutionEvent>;
  /** For `status`. */
  depth(): { queued: number; running: number };
}

/** What the supervisor and the engine tell each other about runners. */
export interface RunnerRegistry {
  /** The runner with this id polls (true), or its session ended or was ended (false). Returns an unsubscribe. */
  onPolling(listener: (runnerId: string, polling: boolean, hello: RunnerHello) => void): () => void;
  isPolling(runnerId: string): boolean;
  /** The runner greeted the server, which could not note it down: a full disk, a damaged database. It will try again. */
  onRefused(listener: (runnerId: string, error: AppError) => void): () => void;
  /** A held poll of this runner ended, with an answer or because its connection is gone: a hint that it may have died. */
  onPollEnded(listener: (runnerId: string) => void): () => void;
  /** The supervisor saw it die: its session ends and its leases are free at once. */
  runnerDied(runnerId: string): void;
}

export interface RunnerHello {
  queue: string;
  version: string;
  pid: number;
  workspace: { path: string; writable: boolean; reason: string | null } | null;
}
