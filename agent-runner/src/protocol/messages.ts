/**
 * The protocol between the server and its runners (engine.md §5). JSON over HTTP with a bearer token; every path is
 * below `/v1/runner`. A runner opens a session, long-polls for tasks, heartbeats its leases, delivers events and
 * step records in batches, and completes each task once.
 */
import type { StepRecord, TokenUsage } from "./step-record.ts";

export type { StepRecord, TokenUsage, ToolCallRequest } from "./step-record.ts";

export const QUEUES = { agent: "agent_execution_runner", workflow: "workflow_execution_runner" } as const;
export type QueueName = (typeof QUEUES)[keyof typeof QUEUES];

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** How long a lease lives without a heartbeat, in milliseconds (engine.md §5). */
export const LEASE_MS = 30_000;
/** How long the server holds a poll that finds nothing, in milliseconds. */
export const POLL_MS = 25_000;

/** `POST /v1/runner/sessions`. One session a boot of a runner. */
export interface HelloRequest {
  /** `STIGMER_RUNNER_ID`: which start of which component this is; null for an image that was run by hand. */
  runnerId: string | null;
  queue: QueueName;
  version: string;
  pid: number;
  concurrency: number;
  /** Whether a test write in the workspace succeeded from inside; null where the role has no workspace. */
  workspace: { path: string; writable: boolean; reason: string | null } | null;
}
export interface HelloResponse {
  sessionId: string;
  leaseMs: number;
  pollMs: number;
  serverVersion: string;
}

/** `POST /v1/runner/poll`. Held open until a task is there or `pollMs` passed. 404 `session_unknown`: say hello again. */
export interface PollRequest {
  sessionId: string;
  /** Free places; at most this many tasks are leased. */
  capacity: number;
}
export interface PollResponse {
  tasks: Task[];
}

/** `POST /v1/runner/heartbeat`. */
export interface HeartbeatRequest {
  sessionId: string;
  leaseIds: string[];
}
export interface HeartbeatResponse {
  /** The user asked for these to be cancelled, or their time is up. */
  cancel: { leaseId: string; reason: "cancelled" | "timed_out" }[];
  /** No longer this session's: stop at once and report nothing. */
  lost: string[];
}

/** `POST /v1/runner/deliver`. Applied in one transaction; an item delivered twice counts once. 409 `lease_lost`. */
export interface DeliverRequest {
  sessionId: string;
  leaseId: string;
  items: Delivery[];
}

export type Delivery = EventDelivery | StepDelivery;

/** A durable event. `step` and `index` (from 0 within the step) identify it over re-sends. */
export interface EventDelivery {
  kind: "event";
  step: number;
  index: number;
  type: RunnerEventType;
  /** RFC 3339 with milliseconds. */
  time: string;
  data: { [key: string]: Json };
}

/** A step recorded before (`started`) and after (`finished`) it ran; `record` is what the loop needs to go on. */
export interface StepDelivery {
  kind: "step";
  step: number;
  phase: "started" | "finished";
  record: StepRecord;
}

/** `POST /v1/runner/complete`. Ends the task and the lease; 409 `lease_lost` when the lease is not this session's. */
export interface CompleteRequest {
  sessionId: string;
  leaseId: string;
  items: Delivery[];
  outcome: Outcome;
}

export type Outcome =
  | { phase: "succeeded"; output: Json; tokens: TokenUsage }
  | { phase: "failed"; error: { code: string; message: string }; tokens: TokenUsage }
  | { phase: "cancelled" }
  | { phase: "timed_out" };

/** `POST /v1/runner/bye`. The session ends and its leases are free at once. */
export interface ByeRequest {
  sessionId: string;
}

/** Every error answer of this API. */
export interface ProtocolError {
  error: { code: string; message: string };
}

/** Events that a runner may deliver; the server itself writes `execution.queued` and the terminal ones. */
export type RunnerEventType =
  | "execution.started"
  | "step.started"
  | "message.delta"
  | "message.completed"
  | "tool.started"
  | "tool.completed"
  | "step.retried"
  | "node.started"
  | "node.completed";

export type TerminalEventType =
  | "execution.succeeded"
  | "execution.failed"
  | "execution.cancelled"
  | "execution.timed_out";

export type EventType = "execution.queued" | RunnerEventType | TerminalEventType;

/** A durable event as every reader sees it; `seq` counts from 1 without a gap within an execution. */
export interface ExecutionEvent {
  type: EventType;
  seq: number;
  time: string;
  executionId: string;
  data: { [key: string]: Json };
}

/** A leased unit of work. */
export interface AgentTask {
  kind: "agent";
  taskId: string;
  leaseId: string;
  /** How many leases were given for this task, this one included. */
  attempt: number;
  executionId: string;
  /** The stored definition, as `apply` validated it. */
  definition: Json;
  /** `llm` of config.yaml, used where the definition is silent. */
  defaults: { provider: string; model: string; baseUrl: string | null; apiKeyEnv: string | null };
  message: string;
  /** The session's earlier turns, oldest first. */
  conversation: { role: "user" | "assistant"; text: string }[];
  /** What finished or began under earlier leases, by step number. */
  steps: { step: number; phase: "started" | "finished"; record: StepRecord }[];
  /** For shell and MCP servers. */
  environment: { [name: string]: string };
  /** Model keys by variable name; they never leave the runner. */
  keys: { [name: string]: string };
  /** Values that must be masked in all output. */
  secrets: string[];
  /** Milliseconds until the execution's time is up, as of the answer. */
  remainingMs: number;
}

/** A run of one node, as it stands in the execution: the interpreter asked for it, and a runner of agents does it. */
export interface NodeRun {
  /** From 1, in the order in which the interpreter asked; the same after every crash. */
  run: number;
  node: string;
  /** From 1; more only in a loop. */
  iteration: number;
  /** `open`: asked for, and not ended. */
  phase: "open" | "succeeded" | "failed";
  /** Of a succeeded run: the values of the node's `outputs`. */
  output: { [field: string]: Json } | null;
  /** Of a failed one. */
  error: { code: string; message: string } | null;
}

/** An agent or workflow as an execution keeps it, whatever is applied or deleted while it runs. */
export interface KeptWorkflow {
  /** A `WorkflowDefinition`. */
  workflow: Json;
  /** The `AgentDefinition`s that its nodes name. */
  agents: { [name: string]: Json };
}

/**
 * One turn of the interpreter: everything that is known, to decide what comes next. A turn is leased when an execution
 * begins and after every end of a node run; it holds no state of its own, so that one lost with its runner is just
 * taken again.
 */
export interface WorkflowTask {
  kind: "workflow";
  taskId: string;
  leaseId: string;
  attempt: number;
  executionId: string;
  definition: KeptWorkflow;
  /** Parsed and checked by the state's types. */
  input: { [field: string]: Json };
  /** In the order of their numbers. */
  runs: NodeRun[];
  remainingMs: number;
}

/** `POST /v1/runner/advance`. Ends a {@link WorkflowTask} and its lease; 409 `lease_lost`. */
export interface AdvanceRequest {
  sessionId: string;
  leaseId: string;
  decision: Decision;
}

export type Decision =
  /** These runs begin, and the next turn comes when any run has ended. Asked for twice, a run begins once. */
  | { kind: "run"; runs: { run: number; node: string; iteration: number; state: { [field: string]: Json } }[] }
  | { kind: "finish"; output: { [field: string]: Json } }
  | { kind: "fail"; error: { code: string; message: string }; node: string | null };

/** One node run for a runner of agents: model calls and tool calls are its steps, completed as any task. */
export interface NodeTask extends Omit<AgentTask, "kind" | "definition" | "message" | "conversation"> {
  kind: "node";
  run: number;
  node: string;
  iteration: number;
  definition: KeptWorkflow;
  /** Model calls that finished in the earlier runs of this node: where the script of the provider `scripted` goes on. */
  earlierCalls: number;
  /** The state as the interpreter had it when it asked for this run. */
  state: { [field: string]: Json };
}

/** What a runner leases: agents and node runs of the agents' queue, turns of the workflows' queue. */
export type Task = AgentTask | WorkflowTask | NodeTask;
