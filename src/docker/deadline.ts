import { setMaxListeners } from "node:events";

/** What ends one request early: the caller's signal, or a silence that was too long. */
export interface Deadline {
  /** Aborted with the caller's reason, or with the error of the deadline. */
  readonly signal: AbortSignal;
  /** From now on the wait may last this long; null: for ever. */
  arm(timeoutMs: number | null): void;
  /** Nobody waits just now. */
  disarm(): void;
  /** Ends the request if it is still under way, and lets go of the caller's signal. */
  end(): void;
}

/**
 * Joins a caller's signal with a timer that can be re-armed. `AbortSignal.any` would do for the first half, but keeps
 * every request alive for as long as a server's own signal lives on Node 20.
 */
export function createDeadline(signal: AbortSignal | undefined, makeError: (deadlineMs: number) => Error): Deadline {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const abort = () => controller.abort(signal?.reason);
  if (signal !== undefined) {
    // One signal of a server may carry any number of requests, each with a listener that goes with it; Node would warn.
    setMaxListeners(0, signal);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
  }
  return {
    signal: controller.signal,
    arm(timeoutMs) {
      clearTimeout(timer);
      if (timeoutMs !== null) timer = setTimeout(() => controller.abort(makeError(timeoutMs)), timeoutMs);
    },
    disarm() {
      clearTimeout(timer);
    },
    end() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    },
  };
}

/** Rejects with the signal's reason when that comes first. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
