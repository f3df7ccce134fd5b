import type { Clock } from "../../platform/clock.ts";
import type { Store } from "../../store/open.ts";

const EVERY_MS = 3_600_000;
/** The longest that requests wait for a batch, give or take one deletion. */
const BATCH_MS = 2;
/** In which requests are answered. */
const PAUSE_MS = 10;
/** Rows deleted together: each may hold the whole output of a tool. */
const ROWS = 16;
/** Deletions in a batch, however quick they are. */
const MOST_DELETIONS = 50;

export interface RetentionOptions {
  store: Pick<Store, "expired">;
  clock: Clock;
  /** How long an ended execution is kept; null means for ever. */
  retentionMs: number | null;
  /** What went wrong; it is tried again an hour later. */
  onFault: (error: unknown) => void;
}

/**
 * Deletes executions that ended longer ago than they are to be kept, now and every hour. A conversation keeps what was
 * said in it: it is stored by itself, not as the executions that it came from.
 * @returns the end of it.
 */
export function keepRetention({ store, clock, retentionMs, onFault }: RetentionOptions): () => void {
  if (retentionMs === null) return () => {};
  const keptMs = retentionMs;
  let timer = clock.setTimer(() => runBatch(), 0);
  return () => timer.cancel();

  function runBatch(): void {
    let isDone = true;
    try {
      isDone = deleteBatch();
    } catch (error) {
      onFault(error);
    }
    timer = clock.setTimer(() => runBatch(), isDone ? EVERY_MS : PAUSE_MS);
  }

  /** True when nothing is left to delete. */
  function deleteBatch(): boolean {
    const beganAt = clock.monotonicMs();
    const endedBefore = new Date(Math.max(0, clock.nowMs() - keptMs)).toISOString();
    for (let deletions = 0; deletions < MOST_DELETIONS; deletions += 1) {
      const execution = store.expired.next(endedBefore);
      if (execution === null) return true;
      store.expired.deleteRows(execution, ROWS);
      if (clock.monotonicMs() - beganAt >= BATCH_MS) return false;
    }
    return false;
  }
}
