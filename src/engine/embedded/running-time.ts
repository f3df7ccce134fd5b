import type { Clock } from "../../platform/clock.ts";

/**
 * How much of its time limit an execution has used. It counts on the monotonic clock, only while told to, and from
 * what an earlier server wrote down: the time a server was away does not count.
 */
export class RunningTime {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #onUp: () => void;
  #usedMs: number;
  #since: number | null = null;
  #timer: { cancel(): void } | null = null;

  constructor(options: { clock: Clock; limitMs: number; usedMs: number; onUp: () => void }) {
    this.#clock = options.clock;
    this.#limitMs = options.limitMs;
    this.#usedMs = options.usedMs;
    this.#onUp = options.onUp;
  }

  get usedMs(): number {
    return this.#usedMs + (this.#since === null ? 0 : this.#clock.monotonicMs() - this.#since);
  }

  get remainingMs(): number {
    return Math.max(0, this.#limitMs - this.usedMs);
  }

  start(): void {
    if (this.#since !== null) return;
    this.#since = this.#clock.monotonicMs();
    this.#arm();
  }

  stop(): void {
    this.#usedMs = this.usedMs;
    this.#since = null;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #arm(): void {
    this.#timer = this.#clock.setTimer(() => {
      // The longest delay of a timer is shorter than the longest limit, and timers may fire a little early.
      if (this.remainingMs > 0) this.#arm();
      else this.#onUp();
    }, this.remainingMs);
  }
}
