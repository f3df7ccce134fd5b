import type { AgentTask, KeptWorkflow, NodeTask, Task, WorkflowTask } from "@stigmer/agent-runner/protocol";
import type { ExecutionRecord } from "../../store/executions.ts";
import type { Store } from "../../store/open.ts";
import { defaultsOf, type KeptNeeds } from "./kept-needs.ts";
import { createMask } from "./mask.ts";
import { messageOf } from "./prepare-run.ts";
import { OWN_TASK } from "./task-needs.ts";
import { resolveVariables, type Variables } from "./variables.ts";
import { isTurn, type Work } from "./work.ts";

export interface TaskSources {
  store: Store;
  needs: KeptNeeds;
  /** `secrets.env`, read anew: a key that was added or changed counts from the next lease on. */
  readSecrets: () => Promise<Variables>;
  serverEnvironment: NodeJS.ProcessEnv;
}

/** What a runner is given with its lease. Null when the lease ended while the secrets were read. */
export async function buildTask(work: Work, sources: TaskSources): Promise<Task | null> {
  const leaseId = work.lease?.id;
  const secrets = await sources.readSecrets();
  if (leaseId === undefined || work.lease?.id !== leaseId) return null;
  const { execution } = work;
  const record = sources.store.executions.byNumber(execution.number);
  const given = equipments(work, record, sources, secrets);
  execution.mask = createMask(secretsIn(given));
  const lease: TaskLease = {
    taskId: work.run === 0 ? execution.id : `${execution.id}/${work.run}`,
    leaseId,
    attempt: work.attempt,
    executionId: execution.id,
    remainingMs: Math.round(execution.time.remainingMs),
  };
  if (isTurn(work)) return buildTurn(lease, record, sources.store);
  if (work.run > 0) return buildNode(lease, record, { store: sources.store, given, run: work.run });
  return buildAgent(lease, record, { store: sources.store, given });
}

/** Has the mask of an execution ready: a lease taken over from an earlier server has none yet. */
export async function ensureMask(work: Work, sources: TaskSources): Promise<void> {
  const { execution } = work;
  if (execution.mask !== null) return;
  const secrets = await sources.readSecrets();
  if (work.lease === null) return;
  const record = sources.store.executions.byNumber(execution.number);
  execution.mask = createMask(secretsIn(equipments(work, record, sources, secrets)));
}

type TaskLease = Pick<AgentTask, "taskId" | "leaseId" | "attempt" | "executionId" | "remainingMs">;

/** What a task is given besides its work. A task gets no keys but its own. */
type Equipment = Pick<AgentTask, "defaults" | "environment" | "keys" | "secrets">;

/** That of every task of the execution, by node. */
type Equipments = ReadonlyMap<string, Equipment>;

function buildAgent(
  lease: TaskLease,
  record: ExecutionRecord,
  { store, given }: { store: Store; given: Equipments },
): AgentTask {
  const { number, digest, conversationId, conversationTurns, input } = record;
  return {
    kind: "agent",
    ...lease,
    definition: store.definitions.body(digest),
    ...equipmentOf(given, OWN_TASK),
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
  { number, digest }: ExecutionRecord,
  { store, given, run }: { store: Store; given: Equipments; run: number },
): NodeTask {
  const { node, iteration, state } = store.nodeRuns.get(number, run);
  return {
    kind: "node",
    ...lease,
    run,
    node,
    iteration,
    definition: keptWorkflow(store, digest),
    earlierCalls: countEarlierCalls(store, number, { run, node }),
    state,
    ...equipmentOf(given, node),
    steps: store.steps.list(number, run),
  };
}

/** The runs of one node come one after the other, so that those before this one have all ended. */
function countEarlierCalls(store: Store, execution: number, { run, node }: { run: number; node: string }): number {
  const earlier = store.nodeRuns.list(execution).filter((other) => other.node === node && other.run < run);
  const steps = earlier.flatMap((other) => store.steps.list(execution, other.run));
  return steps.filter(({ phase, record }) => phase === "finished" && record.kind === "model").length;
}

function equipments(
  { execution }: Work,
  record: ExecutionRecord,
  { store, needs, serverEnvironment }: TaskSources,
  secrets: Variables,
): Equipments {
  const defaults = defaultsOf(record);
  const from = { given: store.unfinished.environment(execution.number), secrets, server: serverEnvironment };
  const found = [...needs.of(record).tasks].map(([node, task]): [string, Equipment] => {
    const { environment, keys, secrets } = resolveVariables(task, defaults, from);
    return [node, { defaults, environment, keys, secrets }];
  });
  return new Map(found);
}

function equipmentOf(given: Equipments, node: string): Equipment {
  const equipment = given.get(node);
  if (equipment === undefined) throw new Error(`the workflow has no node "${node}"`);
  return equipment;
}

/** Those of all its tasks: what one of them wrote another may repeat. */
function secretsIn(given: Equipments): string[] {
  return [...given.values()].flatMap(({ secrets }) => secrets);
}

/** As `prepareWorkflow` put it together. */
function keptWorkflow(store: Store, digest: string): KeptWorkflow {
  return store.definitions.body(digest) as unknown as KeptWorkflow;
}
