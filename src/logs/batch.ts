/** Enough for a full block of output; a slow reader keeps no more than this in memory. */
const LARGEST_BATCH = 1024;

/**
 * Collects what arrives one by one into arrays: what came in the same turn of the event loop, up to a bound. The source
 * is not asked for more while the bound is reached, so that a slow reader slows the source and fills no memory.
 */
export async function* collectBatches<T>(source: AsyncIterable<T>): AsyncIterable<T[]> {
  let batch: T[] = [];
  let ended = false;
  let failure: { error: unknown } | null = null;
  let stopped = false;
  let arrived = () => {};
  let resume = () => {};

  const pump = async () => {
    try {
      for await (const item of source) {
        if (batch.push(item) === 1) arrived();
        if (batch.length >= LARGEST_BATCH) await new Promise<void>((resolve) => (resume = resolve));
        if (stopped) return;
      }
    } catch (error) {
      failure = { error };
    } finally {
      ended = true;
      arrived();
    }
  };
  const pumping = pump();

  try {
    for (;;) {
      if (batch.length === 0 && !ended) await new Promise<void>((resolve) => (arrived = resolve));
      await new Promise(setImmediate);
      const full = batch;
      batch = [];
      resume();
      if (full.length > 0) yield full;
      else if (ended) break;
    }
  } finally {
    stopped = true;
    resume();
  }
  await pumping;
  if (failure !== null) throw (failure as { error: unknown }).error;
}
