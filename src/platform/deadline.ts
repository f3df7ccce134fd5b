import { type Clock, systemClock } from "./clock.ts";

/** What was awaited did not come in time. Callers who know the cause turn it into an AppError. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";
  /** A noun phrase: "the server's first answer". */
  readonly what: string;
  readonly waitedMs: number;

  constructor(what: string, waitedMs: number) {
    super(`waited ${formatWait(waitedMs)} for ${what}`);
    this.what = what;
    this.waitedMs = waitedMs;
  }
}

export interface DeadlineOptions {
  /** What is awaited, as a noun phrase for the message. */
  what: string;
  timeoutMs: number;
  signal?: AbortSignal | undefined;
  clock?: Clock | undefined;
}

/**
 * Runs `work` and waits for it until the deadline or until `signal` aborts, whichever is first. The signal given to `work`
 * aborts in both cases, so that it can let go of what it holds; a result that comes after that is dropped.
 *
 * @throws DeadlineError after `timeoutMs`; `signal.reason` when aborted; else what `work` throws.
 */
export async function withDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { what, timeoutMs, signal, clock = systemClock }: DeadlineOptions,
): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  let giveUp = (_reason: unknown): void => {};
  const givenUp = new Promise<never>((_resolve, reject) => {
    giveUp = (reason) => {
      reject(reason);
      controller.abort(reason);
    };
  });
  const onAbort = () => giveUp(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  const timer = clock.setTimer(() => giveUp(new DeadlineError(what, timeoutMs)), timeoutMs);
  try {
    return await Promise.race([work(controller.signal), givenUp]);
  } finally {
    timer.cancel();
    signal?.removeEventListener("abort", onAbort);
  }
}

function formatWait(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Number((ms / 1000).toFixed(1))} s`;
}
