import { sleep } from "../../platform/clock.ts";
import type { Connection } from "./connection.ts";
import { DockerRunnerRequestError } from "./request-error.ts";

const FIRST_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 5_000;
/** A connection that held so long was good: what breaks it is new trouble. */
const GOOD_AFTER_MS = 10_000;

export interface StreamOptions {
  connection: Connection;
  openTimeoutMs: number;
  /** Attempts after the first, until the stream was open once. */
  maxRetries: number;
  /** How long it is tried again for after that. */
  reconnectTimeoutMs: number;
  signal: AbortSignal | undefined;
}

export interface ResumeOptions<Item> extends Pick<StreamOptions, "maxRetries" | "reconnectTimeoutMs" | "signal"> {
  /** One connection, from where the last one ended; it ends by itself when there is no more to come. */
  open: (onOpen: () => void) => AsyncIterable<Item>;
}

/** One stream over as many connections as it takes. @throws what ended the last of them; the signal's reason. */
export async function* resume<Item>(options: ResumeOptions<Item>): AsyncGenerator<Item> {
  const { maxRetries, open, reconnectTimeoutMs, signal } = options;
  let wasOpen = false;
  let failures = 0;
  let brokenSinceMs: number | null = null;
  const recover = (): void => {
    failures = 0;
    brokenSinceMs = null;
  };
  for (;;) {
    let openedMs = Number.POSITIVE_INFINITY;
    try {
      const connection = open(() => {
        wasOpen = true;
        openedMs = performance.now();
      });
      for await (const item of connection) {
        recover();
        yield item;
      }
      return;
    } catch (error) {
      if (!(error instanceof DockerRunnerRequestError) || !error.retryable) throw error;
      const nowMs = performance.now();
      if (nowMs - openedMs > GOOD_AFTER_MS) recover();
      brokenSinceMs ??= nowMs;
      const isHopeless = wasOpen ? nowMs - brokenSinceMs > reconnectTimeoutMs : failures >= maxRetries;
      if (isHopeless) throw error;
      const backoffMs = Math.min(FIRST_BACKOFF_MS * 2 ** failures, MAX_BACKOFF_MS);
      failures += 1;
      await sleep(Math.max(backoffMs, error.retryAfterMs), { signal });
    }
  }
}
