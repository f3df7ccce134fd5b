import { sleep } from "./clock.ts";
import { type DeadlineOptions, withDeadline } from "./deadline.ts";

/** What a probe answers while the awaited thing is not there. */
type NotYet = null | undefined | false;

export interface PollOptions<T> extends DeadlineOptions {
  /** Asked at once and again `intervalMs` after each answer; a probe that throws ends the wait. */
  probe: (signal: AbortSignal) => T | NotYet | Promise<T | NotYet>;
  intervalMs: number;
}

/**
 * For the few things that no event announces. The deadline covers a probe that hangs as well.
 *
 * @throws DeadlineError saying what was awaited and for how long; `signal.reason` when aborted.
 */
export function pollUntil<T>({ probe, intervalMs, ...deadline }: PollOptions<T>): Promise<T> {
  return withDeadline(async (signal) => {
    for (;;) {
      const answer = await probe(signal);
      if (answer !== null && answer !== undefined && answer !== false) return answer;
      await sleep(intervalMs, { clock: deadline.clock, signal });
    }
  }, deadline);
}
