import { QUEUES, type QueueName } from "@stigmer/agent-runner/protocol";
import { AppError } from "../../errors.ts";
import type { Clock } from "../../platform/clock.ts";
import type { ExecutionRecord } from "../../store/executions.ts";
import type { Store } from "../../store/open.ts";
import type { Engine } from "../engine.ts";
import type { EventBell } from "./event-bell.ts";
import { toDetail, toSummary } from "./execution-detail.ts";
import { readEvents } from "./follow.ts";
import type { KeptNeeds } from "./kept-needs.ts";
import { type LiveExecutions, STOP_GRACE_MS } from "./live-executions.ts";
import { prepareRun, type RunSettings } from "./prepare-run.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Variables } from "./variables.ts";

export interface ExecutionApiOptions {
  store: Store;
  needs: KeptNeeds;
  clock: Clock;
  settings: RunSettings;
  readSecrets: () => Promise<Variables>;
  environment: NodeJS.ProcessEnv;
  newId: () => string;
  bell: EventBell;
  scheduler: Scheduler;
  /** Aborted when the server ends. */
  closing: AbortSignal;
}

/** What users ask of executions, in this process. */
export function createExecutionApi(options: ExecutionApiOptions): Engine {
  const { store, clock, settings, bell, scheduler, closing } = options;
  const { executions } = scheduler;
  return {
    async run(request) {
      const sources = {
        given: request.environment,
        secrets: await options.readSecrets(),
        server: options.environment,
      };
      const prepared = prepareRun(request, { definitions: store.definitions, needs: options.needs, settings, sources });
      const id = options.newId();
      const { kind, name, sessionId, environment } = request;
      const queue: QueueName = kind === "agent" ? QUEUES.agent : QUEUES.workflow;
      const stored = store.transaction(() => {
        const createdAt = new Date(clock.nowMs()).toISOString();
        const execution = store.executions.insert({
          id,
          engine: "embedded",
          kind,
          name,
          createdAt,
          conversationId: sessionId,
          ...prepared,
          defaults: { ...prepared.defaults },
        });
        const data = { kind, name };
        store.events.append(execution, 0, [{ type: "execution.queued", time: createdAt, data }]);
        if (Object.keys(environment).length > 0) store.unfinished.setEnvironment(execution, environment);
        return { execution, task: store.tasks.insert({ execution, run: 0, queue }) };
      });
      const { execution, task } = stored;
      const { limitMs } = prepared;
      scheduler.add({ execution, id, kind, limitMs, conversationId: sessionId, environment }, { number: task, queue });
      await store.flush();
      return id;
    },

    async cancel(executionId) {
      const { phase } = requireExecution(store, executionId);
      const execution = executions.find(executionId);
      if (execution === null) return phase;
      executions.stop(execution, "cancelled");
      await endedOrGraceOver({ clock, bell, executions }, executionId);
      await store.flush();
      return requireExecution(store, executionId).phase;
    },

    async get(executionId) {
      const record = requireExecution(store, executionId);
      return toDetail(record, store);
    },

    async list({ limit, cursor, phase }) {
      const rows = store.executions.list({ limit: limit + 1, before: readCursor(cursor), phase });
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      const nextCursor = rows.length > limit && last !== undefined ? String(last.number) : null;
      return { executions: page.map(toSummary), nextCursor };
    },

    async *events(executionId, { afterSeq, follow, signal }) {
      const number = store.executions.numberOf(executionId);
      if (number === null) throw unknownExecution(executionId);
      // A follower whose stream ends without a terminal event knows that the server was stopped.
      yield* readEvents({
        store,
        bell,
        execution: { number, id: executionId },
        afterSeq,
        follow,
        hasEnded: () => executions.find(executionId) === null,
        signal,
        closing,
      });
    },

    depth: () => store.executions.countUnfinished(),
  };
}

/** The runner confirms, or the scheduler ends the execution by itself once its grace is over. */
async function endedOrGraceOver(
  { clock, bell, executions }: Pick<ExecutionApiOptions, "clock" | "bell"> & { executions: LiveExecutions },
  executionId: string,
): Promise<void> {
  const over = new AbortController();
  const timer = clock.setTimer(() => over.abort(), STOP_GRACE_MS + 250);
  while (executions.find(executionId) !== null && !over.signal.aborted) await bell.wait(executionId, over.signal);
  timer.cancel();
}

function requireExecution(store: Store, id: string): ExecutionRecord {
  const record = store.executions.find(id);
  if (record === null) throw unknownExecution(id);
  return record;
}

function unknownExecution(id: string): AppError {
  return new AppError("NOT_FOUND", `There is no execution "${id}"`, {
    actions: [{ label: "List the executions", command: "stigmer execution list" }],
  });
}

function readCursor(cursor: string | null): number | null {
  if (cursor === null) return null;
  if (!/^\d{1,15}$/.test(cursor))
    throw new AppError("USAGE", `"${cursor}" is no cursor: give the nextCursor of a page`);
  return Number(cursor);
}
