import { sleep } from "../../platform/clock.ts";
import { DockerRunnerRequestError } from "./request-error.ts";

const FIRST_BACKOFF_MS = 200;

/** Tries again what may succeed later, after 200 ms, 400 ms, …, or as long as the service asks to wait. */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  { maxRetries, signal }: { maxRetries: number; signal: AbortSignal | undefined },
): Promise<T> {
  for (let retries = 0; ; retries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof DockerRunnerRequestError) || !error.retryable || retries >= maxRetries) throw error;
      await sleep(Math.max(FIRST_BACKOFF_MS * 2 ** retries, error.retryAfterMs), { signal });
    }
  }
}
