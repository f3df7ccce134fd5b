import type { AgentTask } from "@stigmer/agent-runner/protocol";
import type { ExecutionRecord } from "../../store/executions.ts";
import type { Store } from "../../store/open.ts";
import { readAgentNeeds } from "./agent-needs.ts";
import { createMask } from "./mask.ts";
import { messageOf } from "./prepare-run.ts";
import { type AgentVariables, resolveVariables, type Variables } from "./variables.ts";
import type { Work } from "./work.ts";

export interface TaskSources {
  store: Store;
  /** `secrets.env`, read anew: a key that was added or changed counts from the next lease on. */
  readSecrets: () => Promise<Variables>;
  serverEnvironment: NodeJS.ProcessEnv;
}

/** What a runner is given with its lease. Null when the lease ended while the secrets were read. */
export async function buildTask(work: Work, sources: TaskSources): Promise<AgentTask | null> {
  const leaseId = work.lease?.id;
  const secrets = await sources.readSecrets();
  if (leaseId === undefined || work.lease?.id !== leaseId) return null;
  const { store } = sources;
  const { record, definition, defaults, variables } = resolve(work, sources, secrets);
  work.mask = createMask(variables.secrets);
  return {
    kind: "agent",
    taskId: work.executionId,
    leaseId,
    attempt: work.attempt,
    executionId: work.executionId,
    definition,
    defaults,
    message: messageOf(record.input),
    conversation:
      record.conversationId === null ? [] : store.conversations.first(record.conversationId, record.conversationTurns),
    steps: store.steps.list(work.number),
    environment: variables.environment,
    keys: variables.keys,
    secrets: variables.secrets,
    remainingMs: Math.round(work.time.remainingMs),
  };
}

/** Has the mask of an execution ready: a lease taken over from an earlier server has none yet. */
export async function ensureMask(work: Work, sources: TaskSources): Promise<void> {
  if (work.mask !== null) return;
  const secrets = await sources.readSecrets();
  if (work.lease !== null) work.mask = createMask(resolve(work, sources, secrets).variables.secrets);
}

function resolve(
  work: Work,
  { store, serverEnvironment }: TaskSources,
  secrets: Variables,
): {
  record: ExecutionRecord;
  definition: AgentTask["definition"];
  defaults: AgentTask["defaults"];
  variables: AgentVariables;
} {
  const record = store.executions.byNumber(work.number);
  const definition = store.definitions.body(record.digest);
  const defaults = record.defaults as unknown as AgentTask["defaults"];
  const variables = resolveVariables(readAgentNeeds(definition), defaults, {
    given: store.tasks.environment(work.number),
    secrets,
    server: serverEnvironment,
  });
  return { record, definition, defaults, variables };
}
