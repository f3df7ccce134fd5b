import { ApiError } from "../api-error.ts";

export interface ExecLimits {
  /** 0 and undefined are no limit. */
  timeoutMs?: number | undefined;
  idleTimeoutMs?: number | undefined;
}

/** Node fires a timer with a longer delay than this (24.8 days) at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The two limits of an exec and its caller's patience, as one signal. */
export class ExecTimers {
  readonly #controller = new AbortController();
  readonly #wall: NodeJS.Timeout | null;
  readonly #idle: NodeJS.Timeout | null;
  readonly #gone: AbortSignal;
  readonly #onGone = () => this.#controller.abort(this.#gone.reason);

  constructor({ idleTimeoutMs, timeoutMs }: ExecLimits, gone: AbortSignal) {
    this.#gone = gone;
    this.#wall = this.#limit(timeoutMs, "exec_timeout", "the command did not end within");
    this.#idle = this.#limit(idleTimeoutMs, "exec_idle_timeout", "the command wrote nothing for");
    gone.addEventListener("abort", this.#onGone, { once: true });
    if (gone.aborted) this.#onGone();
  }

  /** Aborted with an ApiError of the limit that was reached, or with the caller's reason. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  sawOutput(): void {
    if (!this.signal.aborted) this.#idle?.refresh();
  }

  end(): void {
    clearTimeout(this.#wall ?? undefined);
    clearTimeout(this.#idle ?? undefined);
    this.#gone.removeEventListener("abort", this.#onGone);
  }

  #limit(ms: number | undefined, code: string, what: string): NodeJS.Timeout | null {
    if (ms === undefined || ms === 0) return null;
    const expire = () => this.#controller.abort(new ApiError(408, code, `${what} ${ms} ms`));
    return setTimeout(expire, Math.min(ms, MAX_TIMER_MS));
  }
}
