/** A slow reader costs the server this many records at a time, however long the log. */
const MOST = 64;

/**
 * Records in batches: what is there in one turn of the event loop is one batch, so that a log which is read from its
 * beginning is not one write a record, and a record that comes alone goes out alone. Ends and fails as its source does.
 */
export async function* gatherRecords<Item>(records: AsyncIterable<Item>): AsyncGenerator<Item[]> {
  const iterator = records[Symbol.asyncIterator]();
  let next = advance(iterator);
  try {
    for (;;) {
      let result: IteratorResult<Item> | null = await next;
      const batch: Item[] = [];
      const turnOver = nextTurn();
      while (result !== null && result.done !== true) {
        batch.push(result.value);
        next = advance(iterator);
        result = batch.length < MOST ? await Promise.race([next, turnOver]) : null;
      }
      if (batch.length > 0) yield batch;
      if (result?.done === true) return;
    }
  } finally {
    await iterator.return?.();
  }
}

/** Its failure is told to whoever awaits it, which may be later than it happens. */
function advance<Item>(iterator: AsyncIterator<Item>): Promise<IteratorResult<Item>> {
  const next = iterator.next();
  next.catch(() => {});
  return next;
}

function nextTurn(): Promise<null> {
  return new Promise((resolve) => setImmediate(() => resolve(null)));
}
