import { randomUUID } from "node:crypto";
import { type AgentTask, type HelloRequest, type Json, QUEUES, type Task } from "@stigmer/agent-runner/protocol";
import { createEmbeddedEngine, type EmbeddedEngine } from "../../src/engine/embedded/embedded-engine.ts";
import type { RunRequest } from "../../src/engine/engine.ts";
import { type Clock, systemClock } from "../../src/platform/clock.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** An embedded engine over a database of its own, and everything around it that a test may turn. */
export interface EngineRig extends EmbeddedEngine, AsyncDisposable {
  store: Store;
  databaseFile: string;
  /** What `secrets.env` holds. */
  secrets: { [name: string]: string };
  faults: unknown[];
  /** As a server that was killed and started again: the old one's timers are gone, its memory too. */
  restart(options?: Pick<EngineRigOptions, "clock" | "retentionMs">): Promise<EngineRig>;
}

export interface EngineRigOptions {
  clock?: Clock;
  secrets?: { [name: string]: string };
  environment?: NodeJS.ProcessEnv;
  timeoutMs?: number;
  retentionMs?: number;
  /** Instead of what `secrets` holds. */
  readSecrets?: () => Promise<{ [name: string]: string }>;
}

export async function createEngineRig(options: EngineRigOptions = {}): Promise<EngineRig> {
  const directory = await temporaryDirectory();
  return openRig(directory, options);
}

async function openRig(
  directory: Awaited<ReturnType<typeof temporaryDirectory>>,
  options: EngineRigOptions,
): Promise<EngineRig> {
  const databaseFile = directory.file("stigmer.db");
  const store = await openStore(databaseFile);
  const secrets = options.secrets ?? {};
  const faults: unknown[] = [];
  const embedded = createEmbeddedEngine({
    store,
    clock: options.clock ?? systemClock,
    settings: {
      llm: { provider: "ollama", model: "m", baseUrl: null, apiKeyEnv: null },
      timeoutMs: options.timeoutMs ?? 600_000,
    },
    retentionMs: options.retentionMs ?? null,
    readSecrets: options.readSecrets ?? (async () => secrets),
    environment: options.environment ?? {},
    serverVersion: "0.0.0-test",
    newId: randomUUID,
    onFault: (error) => faults.push(error),
  });
  const close = async (): Promise<void> => {
    embedded.close();
    await store.close();
  };
  return {
    ...embedded,
    store,
    databaseFile,
    secrets,
    faults,
    async restart(changes = {}) {
      await close();
      return openRig(directory, { ...options, ...changes });
    },
    async [Symbol.asyncDispose]() {
      await close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** A definition as `apply` stores it. */
export function agentDefinition(name: string, spec: { [key: string]: Json } = {}): { [key: string]: Json } {
  return {
    apiVersion: "stigmer/v1",
    kind: "Agent",
    metadata: { name },
    spec: {
      description: "",
      model: model({ provider: "scripted", script: [{ text: "hi" }] }),
      instructions: "",
      tools: [],
      execution: { mode: "local" },
      limits: { max_steps: 30, timeout: null },
      env: [],
      ...spec,
    },
  };
}

export function applyAgent(rig: Pick<EngineRig, "store">, name: string, spec: { [key: string]: Json } = {}): void {
  const definition = agentDefinition(name, spec);
  rig.store.definitions.apply({ kind: "Agent", name, definition, file: `${name}.yaml` }, "2026-01-01T00:00:00.000Z");
}

/** A workflow of these nodes as `apply` stores it; each sets the field of its own name. */
function workflowDefinition(name: string, changes: WorkflowChanges): { [key: string]: Json } {
  const { nodes, fields = {}, timeoutSeconds = 120 } = changes;
  const field = { type: { kind: "str" }, required: false, description: null, default: null };
  const outputs = Object.fromEntries(Object.keys(nodes).map((id) => [id, field]));
  return {
    schema_version: "1.0",
    flow: { name, description: null, version: null },
    state: { fields: { ...outputs, ...fields } },
    nodes: Object.entries(nodes).map(([id, node]) => ({
      id,
      name: null,
      description: null,
      prompt: "agent" in node ? null : "Say something.",
      agent: null,
      inputs: {},
      output: null,
      outputs: [id],
      tools: [],
      llm: null,
      ...node,
    })),
    // The scripted interpreters of these tests decide for themselves.
    edges: [],
    config: {
      llm: model({ provider: "scripted", script: [{ text: "hi" }] }),
      execution: { timeout: timeoutSeconds, max_retries: 3 },
    },
  };
}

export interface WorkflowChanges {
  nodes: { [id: string]: { [key: string]: Json } };
  fields?: { [name: string]: { [key: string]: Json } };
  timeoutSeconds?: number;
}

export function model(changes: { [key: string]: Json } = {}): { [key: string]: Json } {
  return {
    provider: null,
    name: null,
    base_url: null,
    api_key_env: null,
    temperature: null,
    max_tokens: null,
    script: null,
    delay_ms: 0,
    ...changes,
  };
}

export function applyWorkflow(rig: Pick<EngineRig, "store">, name: string, changes: WorkflowChanges): void {
  const definition = workflowDefinition(name, changes);
  rig.store.definitions.apply({ kind: "Workflow", name, definition, file: `${name}.yaml` }, "2026-01-01T00:00:00.000Z");
}

export function runRequest(name: string, changes: Partial<RunRequest> = {}): RunRequest {
  return {
    kind: "agent",
    name,
    message: null,
    input: null,
    sessionId: null,
    environment: {},
    timeoutMs: null,
    ...changes,
  };
}

export function hello(changes: Partial<HelloRequest> = {}): HelloRequest {
  return {
    runnerId: "runner-1",
    queue: QUEUES.agent,
    version: "0.0.0-test",
    pid: 1,
    concurrency: 4,
    workspace: null,
    ...changes,
  };
}

/** Says hello, polls once and expects exactly one task. */
export async function leaseOne(
  rig: Pick<EmbeddedEngine, "runner">,
  changes: Partial<HelloRequest> = {},
): Promise<{ sessionId: string; task: AgentTask }> {
  const { sessionId } = rig.runner.hello(hello(changes));
  return { sessionId, task: await pollOne(rig, sessionId) };
}

export async function pollOne(rig: Pick<EmbeddedEngine, "runner">, sessionId: string): Promise<AgentTask> {
  return ofKind(await pollAny(rig, sessionId), "agent");
}

export async function pollAny(rig: Pick<EmbeddedEngine, "runner">, sessionId: string): Promise<Task> {
  const { tasks } = await rig.runner.poll({ sessionId, capacity: 1 }, new AbortController().signal);
  const [task] = tasks;
  if (task === undefined) throw new Error("the poll was answered without a task");
  return task;
}

export function ofKind<K extends Task["kind"]>(task: Task, kind: K): Extract<Task, { kind: K }> {
  if (isOfKind(task, kind)) return task;
  throw new Error(`the poll was answered with a task of the kind ${task.kind}`);
}

function isOfKind<K extends Task["kind"]>(task: Task, kind: K): task is Extract<Task, { kind: K }> {
  return task.kind === kind;
}

/** All events there are, without waiting. */
export async function readAll(rig: Pick<EmbeddedEngine, "engine">, executionId: string): Promise<string[]> {
  const types: string[] = [];
  const options = { afterSeq: 0, follow: false, signal: new AbortController().signal };
  for await (const event of rig.engine.events(executionId, options)) {
    types.push(`${event.seq} ${event.type}`);
  }
  return types;
}
