import type { QueueName } from "@stigmer/agent-runner/protocol";
import type { Clock } from "../../platform/clock.ts";
import type { RunnerSession } from "./sessions.ts";
import type { Work } from "./work.ts";

/** A runner that asked for work and is held until there is some. */
export interface WaitingPoll {
  session: RunnerSession;
  /** Free places of the runner when it asked. */
  capacity: number;
  /** Answers it. A poll is answered once; it waits no more from then on. */
  answer(works: Work[]): void;
  fail(error: unknown): void;
}

/** Polls by queue, in the order in which they came. */
export class WaitingPolls {
  readonly #clock: Clock;
  readonly #byQueue = new Map<QueueName, Set<WaitingPoll>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Holds a poll until it is answered, `holdMs` passed or its client went away; the last two answer it with nothing.
   * A session has one poll: an earlier one, whose connection must have died, is answered with nothing.
   */
  hold(request: { session: RunnerSession; capacity: number; holdMs: number; signal: AbortSignal }): Promise<Work[]> {
    const { session, capacity, holdMs, signal } = request;
    const queue = session.hello.queue;
    const waiting = this.#byQueue.get(queue) ?? new Set();
    this.#byQueue.set(queue, waiting);
    for (const other of waiting) if (other.session === session) other.answer([]);

    return new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        if (!waiting.delete(poll)) return;
        timer.cancel();
        signal.removeEventListener("abort", giveUp);
        finish();
      };
      const giveUp = (): void => poll.answer([]);
      const poll: WaitingPoll = {
        session,
        capacity,
        answer: (works) => settle(() => resolve(works)),
        fail: (error) => settle(() => reject(error)),
      };
      const timer = this.#clock.setTimer(giveUp, holdMs);
      waiting.add(poll);
      if (signal.aborted) giveUp();
      else signal.addEventListener("abort", giveUp, { once: true });
    });
  }

  /** The poll that has waited longest among those whose session has a free place. */
  next(queue: QueueName): WaitingPoll | null {
    for (const poll of this.#byQueue.get(queue) ?? []) {
      if (freePlaces(poll) > 0) return poll;
    }
    return null;
  }

  answerSession(session: RunnerSession): void {
    for (const poll of this.#byQueue.get(session.hello.queue) ?? []) {
      if (poll.session === session) poll.answer([]);
    }
  }

  answerAll(): void {
    for (const waiting of this.#byQueue.values()) {
      for (const poll of waiting) poll.answer([]);
    }
  }
}

/** What the runner said is free, but never more than it may hold by its session's word. */
export function freePlaces({ capacity, session }: WaitingPoll): number {
  return Math.min(capacity, session.hello.concurrency - session.leases.size);
}
