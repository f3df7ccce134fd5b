import type { Log } from "../log.ts";
import type { JobQueue } from "./jobs/job-queue.ts";
import type { Store } from "./store/open-store.ts";

const PERIOD_MS = 60_000;
/** Jobs that are deleted together; between two such batches requests are answered. */
const BATCH = 100;

/** Forgets jobs that ended longer ago than `ttlMs`, now and from time to time. @returns the end of it. */
export function expireJobs(options: { store: Store; queue: JobQueue; ttlMs: number; log: Log }): () => void {
  const period = Math.min(PERIOD_MS, options.ttlMs);
  let next = setTimeout(expire, 0);
  return () => clearTimeout(next);

  function expire(): void {
    let deleted = 0;
    try {
      deleted = deleteBatch(options);
    } catch (error) {
      options.log.error(`old jobs cannot be deleted: ${error instanceof Error ? error.message : error}`);
    }
    next = setTimeout(expire, deleted === BATCH ? 0 : period);
    next.unref();
  }
}

function deleteBatch({ store, queue, ttlMs }: { store: Store; queue: JobQueue; ttlMs: number }): number {
  const old = store.jobs.endedBefore(Date.now() - ttlMs, BATCH);
  if (old.length === 0) return 0;
  store.transaction(() => {
    for (const { number } of old) store.jobs.delete(number);
  });
  for (const { status } of old) queue.counts.add(status, -1);
  return old.length;
}
