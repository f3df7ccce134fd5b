import type { AgentTask, KeptWorkflow, NodeTask, Task, WorkflowTask } from "@stigmer/agent-runner/protocol";
import type { ExecutionRecord } from "../../store/executions.ts";
import type { Store } from "../../store/open.ts";
import { defaultsOf, readAllNeeds } from "./kept-definition.ts";
import { createMask } from "./mask.ts";
import { messageOf } from "./prepare-run.ts";
import { readAgentNeeds, readWorkflowNeeds, type TaskNeeds } from "./task-needs.ts";
import { resolveVariables, type VariableSources, type Variables } from "./variables.ts";
import { isTurn, type Work } from "./work.ts";

export interface TaskSources {
  store: Store;
  /** `secrets.env`, read anew: a key that was added or changed counts from the next lease on. */
  readSecrets: () => Promise<Variables>;
  serverEnvironment: NodeJS.ProcessEnv;
}

/** What a runner is given with its lease. Null when the lease ended while the secrets were read. */
export async function buildTask(work: Work, sources: TaskSources): Promise<Task | null> {
  const leaseId = work.lease?.id;
  const secrets = await sources.readSecrets();
  if (leaseId === undefined || work.lease?.id !== leaseId) return null;
  const { store } = sources;
  const { execution } = work;
  const record = store.executions.byNumber(execution.number);
  const from = variableSources(work, sources, secrets);
  execution.mask = createMask(secretsOf(record, store, from));
  const lease: TaskLease = {
    taskId: work.run === 0 ? execution.id : `${execution.id}/${work.run}`,
    leaseId,
    attempt: work.attempt,
    executionId: execution.id,
    remainingMs: Math.round(execution.time.remainingMs),
  };
  if (isTurn(work)) return buildTurn(lease, record, store);
  return work.run === 0 ? buildAgent(lease, record, store, from) : buildNode(lease, record, store, from, work.run);
}

/** Has the mask of an execution ready: a lease taken over from an earlier server has none yet. */
export async function ensureMask(work: Work, sources: TaskSources): Promise<void> {
  const { execution } = work;
  if (execution.mask !== null) return;
  const secrets = await sources.readSecrets();
  if (work.lease === null) return;
  const record = sources.store.executions.byNumber(execution.number);
  execution.mask = createMask(secretsOf(record, sources.store, variableSources(work, sources, secrets)));
}

type TaskLease = Pick<AgentTask, "taskId" | "leaseId" | "attempt" | "executionId" | "remainingMs">;

function buildAgent(lease: TaskLease, record: ExecutionRecord, store: Store, from: VariableSources): AgentTask {
  const definition = store.definitions.body(record.digest);
  const { number, conversationId, conversationTurns, input } = record;
  return {
    kind: "agent",
    ...lease,
    definition,
    ...equip(readAgentNeeds(definition), record, from),
    message: messageOf(input),
    conversation: conversationId === null ? [] : store.conversations.first(conversationId, conversationTurns),
    steps: store.steps.list(number, 0),
  };
}

function buildTurn(lease: TaskLease, { number, digest, input }: ExecutionRecord, store: Store): WorkflowTask {
  return {
    kind: "workflow",
    ...lease,
    definition: keptWorkflow(store, digest),
    input: input as WorkflowTask["input"],
    runs: store.nodeRuns.list(number).map(({ run, node, iteration, phase, output, error }) => {
      if (phase === "cancelled") throw new Error(`run ${run} of an unfinished execution was cancelled`);
      return { run, node, iteration, phase, output, error };
    }),
  };
}

function buildNode(
  lease: TaskLease,
  record: ExecutionRecord,
  store: Store,
  from: VariableSources,
  run: number,
): NodeTask {
  const definition = keptWorkflow(store, record.digest);
  const { node, iteration, state } = store.nodeRuns.get(record.number, run);
  const needs = readWorkflowNeeds(store.definitions.body(record.digest)).nodes.get(node);
  if (needs === undefined) throw new Error(`the workflow has no node "${node}"`);
  return {
    kind: "node",
    ...lease,
    run,
    node,
    iteration,
    definition,
    earlierCalls: countEarlierCalls(store, record.number, { run, node }),
    state,
    ...equip(needs, record, from),
    steps: store.steps.list(record.number, run),
  };
}

/** The runs of one node come one after the other, so that those before this one have all ended. */
function countEarlierCalls(store: Store, execution: number, { run, node }: { run: number; node: string }): number {
  const earlier = store.nodeRuns.list(execution).filter((other) => other.node === node && other.run < run);
  const steps = earlier.flatMap((other) => store.steps.list(execution, other.run));
  return steps.filter(({ phase, record }) => phase === "finished" && record.kind === "model").length;
}

/** A task gets no keys but its own. */
function equip(
  needs: TaskNeeds,
  record: ExecutionRecord,
  from: VariableSources,
): Pick<AgentTask, "defaults" | "environment" | "keys" | "secrets"> {
  const defaults = defaultsOf(record);
  const { environment, keys, secrets } = resolveVariables(needs, defaults, from);
  return { defaults, environment, keys, secrets };
}

/** Those of all its tasks: what one of them wrote another may repeat. */
function secretsOf(record: ExecutionRecord, store: Store, from: VariableSources): string[] {
  const defaults = defaultsOf(record);
  return readAllNeeds(record, store.definitions).flatMap((needs) => resolveVariables(needs, defaults, from).secrets);
}

function variableSources(
  { execution }: Work,
  { store, serverEnvironment }: TaskSources,
  secrets: Variables,
): VariableSources {
  return { given: store.unfinished.environment(execution.number), secrets, server: serverEnvironment };
}

/** As `prepareWorkflow` put it together. */
function keptWorkflow(store: Store, digest: string): KeptWorkflow {
  return store.definitions.body(digest) as unknown as KeptWorkflow;
}
