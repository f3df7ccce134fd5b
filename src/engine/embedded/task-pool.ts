import type { QueueName } from "@stigmer/agent-runner/protocol";
import type { Clock } from "../../platform/clock.ts";
import type { Store } from "../../store/open.ts";
import type { KeptNeeds } from "./kept-needs.ts";
import { Leases } from "./leases.ts";
import type { LiveExecution } from "./live-execution.ts";
import { ReadyQueue } from "./ready-queue.ts";
import type { RunnerSession, Sessions } from "./sessions.ts";
import { freePlaces, type WaitingPolls } from "./waiting-polls.ts";
import type { Work } from "./work.ts";
import { writeLeases } from "./write-leases.ts";

export interface TaskPoolOptions {
  store: Store;
  needs: KeptNeeds;
  clock: Clock;
  newId: () => string;
  polls: WaitingPolls;
  sessions: Pick<Sessions, "find" | "serves">;
  /** Called with the lease still in place. */
  onExpired: (work: Work) => void;
}

/** The tasks there are: which wait, which are held by whom. Leases are in the store before they are in memory. */
export class TaskPool {
  readonly #options: TaskPoolOptions;
  readonly #leases: Leases;
  readonly #ready = new ReadyQueue();

  constructor(options: TaskPoolOptions) {
    this.#options = options;
    this.#leases = new Leases(options);
  }

  /** It waits from now on; {@link dispatch} gives it to a runner. */
  add(work: Work): void {
    this.#ready.add(work);
    this.#countTime(work.execution);
  }

  /** Hands waiting tasks to waiting polls, these in the order in which they came. */
  dispatch(queue: QueueName): void {
    while (this.#ready.waiting(queue).length > 0) {
      const poll = this.#options.polls.next(queue);
      if (poll === null) return;
      const works = this.#ready.next(queue, freePlaces(poll));
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

  /** The task that a session holds by this lease, which lives on from now. @throws RunnerRefusal lease_lost */
  requireLease(sessionId: string, leaseId: string): Work {
    return this.#leases.renew(sessionId, leaseId);
  }

  /** A lease of an earlier server, with a whole period before it. */
  adopt(work: Work, session: RunnerSession, leaseId: string): void {
    this.#leases.begin(work, session, leaseId);
    this.#countTime(work.execution);
  }

  /** Its lease is over, and it waits again. */
  release(work: Work): void {
    this.#leases.end(work);
    this.add(work);
  }

  /** It is done, or nobody's business any more. */
  drop(work: Work): void {
    this.#ready.remove(work);
    this.#leases.end(work);
    work.execution.works.delete(work.run);
    this.#countTime(work.execution);
  }

  /** Nothing of this execution is given to a runner any more. */
  withdraw(execution: LiveExecution): void {
    for (const work of execution.works.values()) this.#ready.remove(work);
  }

  /** The queue got its first session or lost its last. */
  onServed(queue: QueueName): void {
    for (const { execution } of this.#ready.waiting(queue)) this.#countTime(execution);
  }

  #lease(works: Work[], session: RunnerSession): void {
    const { store, needs, clock, newId } = this.#options;
    const leases = works.map((work) => ({ work, id: newId() }));
    const startedAt = new Date(clock.nowMs()).toISOString();
    const lastSeqs = writeLeases(store, leases, { needs, runnerSession: session.id, startedAt });
    for (const [execution, lastSeq] of lastSeqs) execution.lastSeq = lastSeq;
    for (const { work, id } of leases) {
      work.attempt += 1;
      this.#ready.remove(work);
      this.adopt(work, session, id);
    }
  }

  /**
   * The time limit of an execution counts while a runner has a task of it, and while one waits with no runner there to
   * take it: it must end some day. Waiting behind others is free, for they end by limits of their own.
   */
  #countTime({ works, time }: LiveExecution): void {
    for (const { lease, queue } of works.values()) {
      if (lease === null && this.#options.sessions.serves(queue)) continue;
      time.start();
      return;
    }
    time.stop();
  }
}
