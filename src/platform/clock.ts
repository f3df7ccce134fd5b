/** Time as the code sees it: injected, so that a test can drive it. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch: for stamps that people read, never for measuring. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start; never jumps. */
  monotonicMs(): number;
  /** Calls back once after `delayMs` of monotonic time. */
  setTimer(callback: () => void, delayMs: number): { cancel(): void };
}

/** Timers of Node run on the monotonic clock of the event loop: setting the wall clock does not move them. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(callback, delayMs) {
    const timer = setTimeout(callback, Math.min(delayMs, MAX_TIMER_MS));
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Node fires a timer with a longer delay than this (24.8 days) after one millisecond. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Resolves after `ms`; rejects with `signal.reason` as soon as the signal aborts. */
export function sleep(
  ms: number,
  { clock = systemClock, signal }: { clock?: Clock | undefined; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.setTimer(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
