import { HttpFailure } from "./http/http-failure.ts";
import { DrainingError, IdempotencyConflict, QueueFullError } from "./jobs/refusals.ts";
import { isStoreError } from "./store/store-error.ts";

/** Seconds after which a client may try again. */
const RETRY_AFTER_S = "1";

/** The answer that an error of the queue or of SQLite means; null: a mistake of ours. */
export function failureOf(error: unknown): HttpFailure | null {
  const retry = { headers: { "retry-after": RETRY_AFTER_S } };
  if (error instanceof QueueFullError) return new HttpFailure(429, "too_many_jobs", error.message, retry);
  if (error instanceof DrainingError) return new HttpFailure(503, "shutting_down", error.message, retry);
  if (error instanceof IdempotencyConflict) {
    return new HttpFailure(409, "idempotency_conflict", error.message, { jobId: error.jobId });
  }
  return isStoreError(error) ? new HttpFailure(503, "store_unavailable", "jobs cannot be kept for now", retry) : null;
}
