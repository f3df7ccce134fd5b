import { type Decision, type Delivery, type Outcome, QUEUES, type QueueName } from "@stigmer/agent-runner/protocol";
import type { Clock } from "../../platform/clock.ts";
import type { Store } from "../../store/open.ts";
import type { TaskRow } from "../../store/tasks.ts";
import type { Stopping, UnfinishedRow } from "../../store/unfinished.ts";
import { applyDecision } from "./apply-decision.ts";
import type { EventBell } from "./event-bell.ts";
import type { KeptNeeds } from "./kept-needs.ts";
import { countLeased, type LiveExecution } from "./live-execution.ts";
import { LiveExecutions } from "./live-executions.ts";
import { endNodeRun, type NodeRunOutcome } from "./node-run-ending.ts";
import { createPersist, type Persist } from "./persist.ts";
import { recordItems } from "./record-items.ts";
import type { Sessions } from "./sessions.ts";
import { TaskPool } from "./task-pool.ts";
import type { WaitingPolls } from "./waiting-polls.ts";
import { createNewWork, createWork, isTurn, type Work } from "./work.ts";

/** A task whose runner died this often is taken for the cause of it. */
export const MAX_DEATHS = 5;

export interface SchedulerOptions {
  store: Store;
  needs: KeptNeeds;
  clock: Clock;
  newId: () => string;
  bell: EventBell;
  polls: WaitingPolls;
  sessions: Sessions;
  /** Aborted when the server ends. */
  closing: AbortSignal;
  onFault: (error: unknown) => void;
}

/**
 * Carries executions to their ends by way of their tasks: what comes after one that was done, put down, or lost with
 * its runner. Every change is in the store before it is in memory.
 */
export class Scheduler {
  readonly executions: LiveExecutions;
  readonly #options: SchedulerOptions;
  readonly #pool: TaskPool;
  readonly #persist: Persist;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#persist = createPersist(options);
    this.#pool = new TaskPool({ ...options, onExpired: (work) => this.release(work, { isDeath: true }) });
    this.executions = new LiveExecutions({ ...options, pool: this.#pool, persist: this.#persist });
  }

  /** Takes over what an earlier server left: leases run for one more period from now. */
  restore(): void {
    const { store, sessions } = this.#options;
    const live = new Map<number, { execution: LiveExecution; stopping: Stopping | null }>();
    for (const { stopping, ...row } of store.unfinished.list()) {
      const execution = this.executions.create({ ...row, lastSeq: store.events.lastSeq(row.execution) });
      live.set(execution.number, { execution, stopping });
    }
    for (const { lease, execution: number, ...task } of store.tasks.list()) {
      const { execution } = live.get(number) ?? {};
      if (execution === undefined) throw new Error(`task ${task.number} is of no unfinished execution`);
      const work = createWork(execution, task);
      const session = lease === null ? null : sessions.find(lease.runnerSession);
      if (lease !== null && session !== null) this.#pool.adopt(work, session, lease.id);
      else this.#pool.add(work);
    }
    for (const { execution, stopping } of live.values()) {
      if (stopping === null) continue;
      if (countLeased(execution) === 0) this.executions.end(execution, { phase: stopping });
      else this.executions.stopWithin(execution, stopping);
    }
  }

  /** An execution that was just stored, with its own task. */
  add(row: Omit<UnfinishedRow, "elapsedMs" | "stopping">, task: Pick<TaskRow, "number" | "queue">): void {
    // Of its events there is the first: it was queued.
    const execution = this.executions.create({ ...row, elapsedMs: 0, lastSeq: 1 });
    this.#addNew(execution, [{ ...task, run: 0 }]);
  }

  /** Hands what waits in this queue to the runners that ask for it. */
  dispatch(queue: QueueName): void {
    this.#pool.dispatch(queue);
  }

  /** The task that a session holds by this lease, which lives on from now. @throws RunnerRefusal lease_lost */
  requireLease(sessionId: string, leaseId: string): Work {
    return this.#pool.requireLease(sessionId, leaseId);
  }

  /** The task goes back to its queue: the runner did not get it, left in peace, or died (`isDeath`). */
  release(work: Work, { isDeath }: { isDeath: boolean }): void {
    const leaseId = work.lease?.id;
    if (leaseId === undefined) return;
    this.#persist(
      () => this.#release(work, { isDeath }),
      () => work.lease?.id === leaseId,
    );
  }

  /** It cannot be given to any runner. */
  fail({ execution, run }: Work, error: { code: string; message: string }): void {
    const node = run === 0 ? null : this.#options.store.nodeRuns.get(execution.number, run).node;
    this.#persist(
      () => this.executions.end(execution, { phase: "failed", error, node }),
      () => this.executions.has(execution),
    );
  }

  /** What a runner reports as its task's end; the server's own reason for stopping it stands over the runner's. */
  complete(work: Work, outcome: Outcome, items: Delivery[]): void {
    if (outcome.phase === "cancelled" || outcome.phase === "timed_out") this.#putDown(work, outcome.phase, items);
    else if (work.run === 0) this.executions.end(work.execution, outcome, { work, items });
    else this.#endNodeRun(work, outcome, items);
    this.#dispatchFreed(work);
  }

  /** What a turn decided. */
  advance(turn: Work, decision: Decision): void {
    const { execution } = turn;
    if (execution.stopping !== null) this.#putDown(turn, execution.stopping, []);
    else if (decision.kind === "run") this.#begin(turn, decision);
    else if (decision.kind === "finish")
      this.executions.end(execution, { phase: "succeeded", output: decision.output });
    else this.executions.end(execution, { phase: "failed", error: decision.error, node: decision.node });
    this.#dispatchFreed(turn);
  }

  onServed(queue: QueueName): void {
    this.#pool.onServed(queue);
  }

  close(): void {
    this.executions.close();
  }

  #release(work: Work, { isDeath }: { isDeath: boolean }): void {
    const { execution } = work;
    const deaths = work.deaths + (isDeath ? 1 : 0);
    if (execution.stopping !== null) this.#putDown(work, execution.stopping, []);
    else if (deaths >= MAX_DEATHS) this.#giveUp(work);
    else {
      const { store } = this.#options;
      store.transaction(() => {
        store.tasks.release(work.number, { attempt: work.attempt, deaths });
        store.unfinished.saveElapsed(execution.number, Math.round(execution.time.usedMs));
      });
      work.deaths = deaths;
      this.#pool.release(work);
      this.#pool.dispatch(work.queue);
    }
  }

  #giveUp(work: Work): void {
    const what = work.run > 0 ? "this node" : isTurn(work) ? "a turn of this workflow" : "this execution";
    const message = `The runner died ${MAX_DEATHS} times while it worked on ${what}`;
    const end = { phase: "failed" as const, error: { code: "EXECUTION_FAILED", message } };
    if (work.run === 0) this.executions.end(work.execution, end);
    else this.#endNodeRun(work, end, []);
  }

  /** A runner stopped with this task; the execution ends when the last of its runners did. */
  #putDown(work: Work, reason: Stopping, items: Delivery[]): void {
    const { execution } = work;
    const stopping = execution.stopping ?? reason;
    if (countLeased(execution) <= 1) {
      this.executions.end(execution, { phase: stopping }, { work, items });
      return;
    }
    const { store } = this.#options;
    const lastSeq = store.transaction(() => {
      if (execution.stopping === null) store.unfinished.markStopping(execution.number, stopping);
      store.tasks.delete(work.number);
      return recordItems(store, work, items);
    });
    execution.lastSeq = lastSeq;
    this.#pool.drop(work);
    if (execution.stopping === null) this.executions.stopWithin(execution, stopping);
    this.#options.bell.ring(execution.id);
  }

  #endNodeRun(work: Work, outcome: NodeRunOutcome, items: Delivery[]): void {
    const { store, clock, bell } = this.#options;
    const { execution } = work;
    const now = new Date(clock.nowMs()).toISOString();
    const { lastSeq, newTurn, staleTurn } = endNodeRun({ store, work, outcome, items, now });
    execution.lastSeq = lastSeq;
    this.#pool.drop(work);
    if (staleTurn !== null) staleTurn.isStale = true;
    if (newTurn !== null) this.#addNew(execution, [{ number: newTurn, run: 0, queue: QUEUES.workflow }]);
    if (execution.stopping !== null && countLeased(execution) === 0) {
      this.executions.end(execution, { phase: execution.stopping });
    } else bell.ring(execution.id);
  }

  #begin(turn: Work, decision: Extract<Decision, { kind: "run" }>): void {
    const { execution } = turn;
    const tasks = applyDecision(this.#options.store, turn, decision);
    if (tasks === null) {
      const message = "The workflow runner asked for nothing while nothing runs: this is a bug";
      this.executions.end(execution, { phase: "failed", error: { code: "INTERNAL", message } });
      return;
    }
    this.#pool.drop(turn);
    this.#addNew(execution, tasks);
  }

  #addNew(execution: LiveExecution, tasks: Pick<TaskRow, "number" | "run" | "queue">[]): void {
    for (const task of tasks) this.#pool.add(createNewWork(execution, task));
    for (const queue of new Set(tasks.map((task) => task.queue))) this.#pool.dispatch(queue);
  }

  /** The place of a task that ended; while the server ends nothing new begins. */
  #dispatchFreed({ queue }: Work): void {
    if (!this.#options.closing.aborted) this.#pool.dispatch(queue);
  }
}
