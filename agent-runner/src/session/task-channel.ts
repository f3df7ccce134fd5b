import type { Decision, Delivery, Outcome } from "../protocol/messages.ts";

/**
 * Why a task has to stop: the user asked, its time is up, its lease is another's by now, or this runner shuts down.
 * After the last two nothing more is reported.
 */
export type StopReason = "cancelled" | "timed_out" | "lost" | "shutdown";

/** What the code of an agent or a node run sees of its lease. */
export interface TaskChannel {
  /** Aborted with a {@link StopReason}. */
  readonly signal: AbortSignal;
  /** Queues items; they are sent in order, batched while an earlier batch is under way. */
  deliver(...items: Delivery[]): void;
  /** Resolves when the server holds everything queued so far. @throws the stop reason when that became impossible. */
  delivered(): Promise<void>;
  /** Sends what is left together with the outcome, and ends the lease. */
  complete(outcome: Outcome): Promise<void>;
}

/** What a turn of a workflow sees of its lease. It is over before anyone could want to stop it. */
export interface TurnChannel {
  /** Sends what the interpreter decided, and ends the lease. */
  advance(decision: Decision): Promise<void>;
}
