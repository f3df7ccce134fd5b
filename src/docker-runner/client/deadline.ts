import { networkError } from "./request-error.ts";

/** Node's timers fire at once beyond this. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A signal that aborts when the caller's does, or when nothing was heard for too long. */
export class Silence {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #what: string;
  #timer: NodeJS.Timeout | null = null;

  constructor(what: string, callerSignal: AbortSignal | undefined) {
    this.#what = what;
    const own = this.#controller.signal;
    this.signal = callerSignal === undefined ? own : AbortSignal.any([own, callerSignal]);
  }

  /** From now on so much silence is allowed; null: any. */
  allow(ms: number | null): void {
    this.end();
    if (ms === null) return;
    const message = `${this.#what} did not come within ${ms} ms`;
    this.#timer = setTimeout(() => this.#controller.abort(networkError(message)), Math.min(ms, MAX_TIMER_MS));
  }

  /** Nothing is waited for any more. */
  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
