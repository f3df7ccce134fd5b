import type { Delivery, Outcome, QueueName } from "@stigmer/agent-runner/protocol";
import type { Clock } from "../../platform/clock.ts";
import type { Store } from "../../store/open.ts";
import type { Stopping } from "../../store/tasks.ts";
import { type Ending, endExecution } from "./ending.ts";
import type { EventBell } from "./event-bell.ts";
import { Leases } from "./leases.ts";
import { createPersist, type Persist } from "./persist.ts";
import { ReadyQueue } from "./ready-queue.ts";
import type { RunnerSession, Sessions } from "./sessions.ts";
import { readUnfinished, type UnfinishedTask } from "./unfinished.ts";
import { freePlaces, type WaitingPolls } from "./waiting-polls.ts";
import { createWork, type Work } from "./work.ts";
import { writeLeases } from "./write-leases.ts";

/**
 * How long a runner has to confirm that it put an execution down before the server ends it by itself. A cancelled
 * tool is dead within 1 s of the request and the command ends within 2 s (product.md §13).
 */
export const STOP_GRACE_MS = 1_500;
/** An execution whose runner died this often is taken for the cause of it. */
export const MAX_DEATHS = 5;
/** The used time is written down with everything else that is written, and at least this often while it runs. */
const SAVE_TIME_EVERY_MS = 5_000;

export interface SchedulerOptions {
  store: Store;
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
 * Gives unfinished executions to runners and takes them back: who waits, who is leased by whom, whose time is up.
 * Every change is in the store before it is in memory.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #works = new Map<string, Work>();
  readonly #leases: Leases;
  readonly #ready = new ReadyQueue();
  readonly #persist: Persist;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#persist = createPersist(options);
    this.#leases = new Leases({
      clock: options.clock,
      sessions: options.sessions,
      onExpired: (work) => this.release(work, { isDeath: true }),
    });
  }

  /** Takes over what an earlier server left: leases run for one more period from now. */
  restore(): void {
    for (const { lease, stopping, ...task } of readUnfinished(this.#options.store)) {
      const work = this.#createWork(task);
      const session = lease === null ? null : this.#options.sessions.find(lease.runnerSession);
      if (lease !== null && session !== null) {
        this.#take(work, session, lease.id);
        if (stopping !== null) this.#stopWithin(work, stopping);
      } else if (lease === null && stopping === null) this.#makeReady(work);
      else {
        work.stopping = stopping;
        this.#release(work, { isDeath: false });
      }
    }
  }

  /** An execution that was just stored. */
  add(task: Omit<UnfinishedTask, "attempt" | "deaths" | "elapsedMs">): void {
    this.#makeReady(this.#createWork({ ...task, attempt: 0, deaths: 0, elapsedMs: 0 }));
    this.dispatch(task.queue);
  }

  find(executionId: string): Work | null {
    return this.#works.get(executionId) ?? null;
  }

  /** Hands waiting executions to waiting polls, both in the order in which they came. */
  dispatch(queue: QueueName): void {
    while (this.#ready.waiting(queue).length > 0) {
      const poll = this.#options.polls.next(queue);
      if (poll === null) return;
      const works = this.#ready.waiting(queue).slice(0, freePlaces(poll));
      try {
        this.#lease(works, poll.session);
      } catch (error) {
        // They wait on, and the runner asks again.
        poll.fail(error);
        return;
      }
      poll.answer(works);
    }
  }

  /** The execution that a session holds by this lease, which lives on from now. @throws RunnerRefusal lease_lost */
  requireLease(sessionId: string, leaseId: string): Work {
    return this.#leases.renew(sessionId, leaseId);
  }

  /** Writes the used time down when that was long ago. */
  saveTime(work: Work): void {
    const now = this.#options.clock.monotonicMs();
    if (now - work.timeSavedAtMs < SAVE_TIME_EVERY_MS) return;
    this.#options.store.tasks.saveElapsed(work.number, Math.round(work.time.usedMs));
    work.timeSavedAtMs = now;
  }

  /** The execution goes back to its queue: the runner did not get it, left in peace, or died (`isDeath`). */
  release(work: Work, { isDeath }: { isDeath: boolean }): void {
    const leaseId = work.lease?.id;
    if (leaseId === undefined) return;
    this.#persist(
      () => this.#release(work, { isDeath }),
      () => work.lease?.id === leaseId,
    );
  }

  /** Asks the runner to put it down, and ends it after a grace; one that no runner holds ends at once. */
  stop(work: Work, stopping: Stopping): void {
    if (work.stopping !== null) return;
    if (work.lease === null) {
      this.end(work, { phase: stopping });
      return;
    }
    this.#options.store.tasks.markStopping(work.number, stopping);
    this.#stopWithin(work, stopping);
  }

  /** Ends it, with the last items of its runner, in one transaction. Its lease is lost. */
  end(work: Work, ending: Ending, items: Delivery[] = []): void {
    const { store, clock, bell } = this.#options;
    endExecution({ store, work, ending, items, now: new Date(clock.nowMs()).toISOString() });
    if (work.hasEnvironment) store.erase();
    this.#works.delete(work.executionId);
    this.#ready.remove(work);
    this.#leases.end(work);
    work.time.stop();
    work.stopDeadline?.cancel();
    bell.ring(work.executionId);
  }

  /** It cannot be given to any runner. */
  fail(work: Work, error: { code: string; message: string }): void {
    this.#persist(
      () => this.end(work, { phase: "failed", error }),
      () => this.#works.has(work.executionId),
    );
  }

  /** What a runner reports as its task's end; the server's own reason for stopping it stands over the runner's. */
  complete(work: Work, outcome: Outcome, items: Delivery[]): void {
    const isStopped = outcome.phase === "cancelled" || outcome.phase === "timed_out";
    this.end(work, isStopped && work.stopping !== null ? { phase: work.stopping } : outcome, items);
    if (!this.#options.closing.aborted) this.dispatch(work.queue);
  }

  /**
   * The time limit of an execution counts while a runner has it, and while it waits with no runner there to take it:
   * it must end some day. Waiting behind others is free, for they end by limits of their own.
   */
  onServed(queue: QueueName): void {
    for (const work of this.#ready.waiting(queue)) this.#countTime(work);
  }

  close(): void {
    for (const work of this.#works.values()) {
      work.time.stop();
      work.stopDeadline?.cancel();
      work.lease?.expiry.cancel();
    }
  }

  #createWork(task: UnfinishedTask): Work {
    const work: Work = createWork(task, {
      clock: this.#options.clock,
      onTimeUp: () =>
        this.#persist(
          () => this.stop(work, "timed_out"),
          () => this.#works.has(work.executionId),
        ),
    });
    this.#works.set(work.executionId, work);
    return work;
  }

  #lease(works: Work[], session: RunnerSession): void {
    const { store, clock, newId } = this.#options;
    const leases = works.map((work) => ({ work, id: newId() }));
    const startedAt = new Date(clock.nowMs()).toISOString();
    writeLeases(store, leases, { runnerSession: session.id, startedAt });
    for (const { work, id } of leases) {
      work.attempt += 1;
      this.#ready.remove(work);
      this.#take(work, session, id);
    }
  }

  #take(work: Work, session: RunnerSession, leaseId: string): void {
    this.#leases.begin(work, session, leaseId);
    work.time.start();
  }

  #release(work: Work, { isDeath }: { isDeath: boolean }): void {
    const deaths = work.deaths + (isDeath ? 1 : 0);
    if (work.stopping !== null) {
      this.end(work, { phase: work.stopping });
      return;
    }
    if (deaths >= MAX_DEATHS) {
      const message = `The runner died ${MAX_DEATHS} times while it worked on this execution`;
      this.end(work, { phase: "failed", error: { code: "EXECUTION_FAILED", message } });
      return;
    }
    const elapsedMs = Math.round(work.time.usedMs);
    this.#options.store.tasks.release(work.number, { attempt: work.attempt, deaths, elapsedMs });
    work.deaths = deaths;
    this.#leases.end(work);
    this.#makeReady(work);
    this.dispatch(work.queue);
  }

  #stopWithin(work: Work, stopping: Stopping): void {
    work.stopping = stopping;
    work.stopDeadline = this.#options.clock.setTimer(
      () =>
        this.#persist(
          () => this.end(work, { phase: stopping }),
          () => this.#works.has(work.executionId),
        ),
      STOP_GRACE_MS,
    );
  }

  #makeReady(work: Work): void {
    this.#ready.add(work);
    this.#countTime(work);
  }

  #countTime(work: Work): void {
    if (this.#options.sessions.serves(work.queue)) work.time.stop();
    else work.time.start();
  }
}
