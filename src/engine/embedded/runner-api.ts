import {
  type AdvanceRequest,
  type CompleteRequest,
  type Decision,
  type DeliverRequest,
  type Delivery,
  type HeartbeatRequest,
  type HeartbeatResponse,
  type HelloRequest,
  type HelloResponse,
  type Json,
  LEASE_MS,
  type Outcome,
  POLL_MS,
  type PollRequest,
  type PollResponse,
  type Task,
} from "@stigmer/agent-runner/protocol";
import { AppError } from "../../errors.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Store } from "../../store/open.ts";
import { buildTask, ensureMask, type TaskSources } from "./build-task.ts";
import type { EventBell } from "./event-bell.ts";
import type { KeptNeeds } from "./kept-needs.ts";
import { recordItems } from "./record-items.ts";
import { RunnerRefusal } from "./refusal.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Sessions } from "./sessions.ts";
import type { Variables } from "./variables.ts";
import type { WaitingPolls } from "./waiting-polls.ts";
import { isTurn, type Work } from "./work.ts";

/** The server's side of the runner protocol, without HTTP. All of it throws {@link RunnerRefusal} and AppErrors. */
export interface RunnerApi {
  hello(request: HelloRequest): HelloResponse;
  /** Held until there is work. A client that went away (`signal`) gets none. */
  poll(request: PollRequest, signal: AbortSignal): Promise<PollResponse>;
  heartbeat(request: HeartbeatRequest): HeartbeatResponse;
  /** Resolves once the items are written; what a step's record promises survives a loss of power by then. */
  deliver(request: DeliverRequest): Promise<void>;
  complete(request: CompleteRequest): Promise<void>;
  /** What a turn decided: the end of a workflow's task, as `complete` is of the others. */
  advance(request: AdvanceRequest): Promise<void>;
  bye(sessionId: string): void;
}

export interface RunnerApiOptions {
  store: Store;
  needs: KeptNeeds;
  clock: Clock;
  readSecrets: () => Promise<Variables>;
  environment: NodeJS.ProcessEnv;
  serverVersion: string;
  bell: EventBell;
  polls: WaitingPolls;
  sessions: Sessions;
  scheduler: Scheduler;
  /** Aborted when the server ends. */
  closing: AbortSignal;
}

export function createRunnerApi(options: RunnerApiOptions): RunnerApi {
  const { store, bell, polls, sessions, scheduler } = options;
  const sources: TaskSources = {
    store,
    needs: options.needs,
    readSecrets: options.readSecrets,
    serverEnvironment: options.environment,
  };

  /** The work that a call is about, with its mask ready. */
  const receive = async ({ sessionId, leaseId }: Pick<DeliverRequest, "sessionId" | "leaseId">): Promise<Work> => {
    refuseWhenClosing();
    sessions.touch(sessions.require(sessionId));
    await ensureMask(scheduler.requireLease(sessionId, leaseId), sources);
    // The lease, or the server, may have ended while the secrets were read.
    refuseWhenClosing();
    return scheduler.requireLease(sessionId, leaseId);
  };

  /**
   * Said of everything while the server ends: the runner asks again, and finds its session at the next server. Told
   * that its session is unknown it would give up its leases.
   */
  const refuseWhenClosing = (): void => {
    if (options.closing.aborted) throw new AppError("NOT_RUNNING", "The server is stopping", { retryable: true });
  };

  /** What cannot be built now, for a damaged secrets.env for instance, would be leased again and again for ever. */
  const build = (work: Work): Promise<Task | null> =>
    buildTask(work, sources).catch((error: unknown) => {
      scheduler.fail(work, describeFailure(error));
      return null;
    });

  return {
    hello(request) {
      refuseWhenClosing();
      const { id } = sessions.open(request);
      return { sessionId: id, leaseMs: LEASE_MS, pollMs: POLL_MS, serverVersion: options.serverVersion };
    },

    async poll({ sessionId, capacity }, signal) {
      refuseWhenClosing();
      const session = sessions.require(sessionId);
      const held = polls.hold({ session, capacity, holdMs: POLL_MS, signal });
      sessions.pollBegan(session);
      scheduler.dispatch(session.hello.queue);
      const works = await held.finally(() => sessions.pollEnded(session));
      const tasks = await Promise.all(works.map(build));
      if (signal.aborted) for (const work of works) scheduler.release(work, { isDeath: false });
      signal.throwIfAborted();
      return { tasks: tasks.filter((task) => task !== null) };
    },

    heartbeat({ sessionId, leaseIds }) {
      refuseWhenClosing();
      sessions.touch(sessions.require(sessionId));
      const answer: HeartbeatResponse = { cancel: [], lost: [] };
      for (const leaseId of leaseIds) {
        const work = findLease(scheduler, sessionId, leaseId);
        if (work === null) answer.lost.push(leaseId);
        else {
          const { execution } = work;
          scheduler.executions.saveTime(execution);
          if (execution.stopping !== null) answer.cancel.push({ leaseId, reason: execution.stopping });
        }
      }
      return answer;
    },

    async deliver(request) {
      const work = await receive(request);
      const masked = maskItems(work, request.items);
      work.execution.lastSeq = recordItems(store, work, masked);
      bell.ring(work.execution.id);
      if (masked.some(mustOutliveThePower)) await store.flush();
    },

    async complete(request) {
      const work = await receive(request);
      if (isTurn(work)) throw new AppError("USAGE", "A turn ends with what it decided: POST /v1/runner/advance");
      scheduler.complete(work, maskOutcome(work, request.outcome), maskItems(work, request.items));
      await store.flush();
    },

    async advance(request) {
      const turn = await receive(request);
      if (!isTurn(turn)) throw new AppError("USAGE", "Only a turn of a workflow decides: POST /v1/runner/complete");
      scheduler.advance(turn, maskDecision(turn, request.decision));
      await store.flush();
    },

    bye(sessionId) {
      refuseWhenClosing();
      const session = sessions.find(sessionId);
      if (session !== null) sessions.end(session, "bye");
    },
  };
}

function findLease(scheduler: Scheduler, sessionId: string, leaseId: string): Work | null {
  try {
    return scheduler.requireLease(sessionId, leaseId);
  } catch (error) {
    if (error instanceof RunnerRefusal) return null;
    throw error;
  }
}

/** A model call that began and is forgotten is just made again; a tool must not run twice, nor what finished. */
function mustOutliveThePower(item: Delivery): boolean {
  return item.kind === "step" && (item.phase === "finished" || item.record.kind === "tool");
}

function describeFailure(error: unknown): { code: string; message: string } {
  if (error instanceof AppError) return { code: error.code, message: error.message };
  return { code: "INTERNAL", message: error instanceof Error ? error.message : String(error) };
}

/** The runner masks what it tells; this is the second lock, for one that forgot. */
function maskItems({ execution: { mask } }: Work, items: Delivery[]): Delivery[] {
  if (mask === null) return items;
  return items.map((item): Delivery => {
    if (item.kind === "event") return { ...item, data: mask(item.data) };
    return { ...item, record: mask(item.record as unknown as Json) as unknown as typeof item.record };
  });
}

function maskOutcome({ execution: { mask } }: Work, outcome: Outcome): Outcome {
  return mask === null ? outcome : (mask(outcome as unknown as Json) as unknown as Outcome);
}

/** What is told of it; the state that a node is given stays as it is. */
function maskDecision({ execution: { mask } }: Work, decision: Decision): Decision {
  if (mask === null || decision.kind === "run") return decision;
  return mask(decision as unknown as Json) as unknown as Decision;
}
