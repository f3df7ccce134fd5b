import type { LogSource, SourceItem } from "./source.ts";

/** How long a line waits for an earlier one of another component; the two cross different pipes. */
const REORDER_MS = 10;

/** Items handed on at once; they refer to the readers' buffers, so they must be used before the next are asked for. */
const BATCH_ITEMS = 4096;

/**
 * The histories of all sources as one, ordered by time; without its first `skip` lines. The order inside a component is
 * that of its log, even where a clock was set back.
 */
export async function* mergeHistory(sources: readonly LogSource[], skip: number): AsyncIterable<SourceItem[]> {
  const cursors: Cursor[] = [];
  for (const source of sources) {
    const cursor = new Cursor(source.history());
    if (await cursor.load()) cursors.push(cursor);
  }
  let merged: SourceItem[] = [];
  let unwanted = skip;
  for (;;) {
    const [first, second] = earliestTwo(cursors);
    if (first === null) break;
    // As long as this source stays ahead of the others, nothing has to be compared with them.
    const limit = second?.timeMs ?? Number.POSITIVE_INFINITY;
    do {
      const item = first.take();
      if (unwanted > 0 && item.type === "line") unwanted -= 1;
      else merged.push(item);
    } while (!first.isEmpty && first.timeMs < limit && merged.length < BATCH_ITEMS);
    if (first.isEmpty || merged.length >= BATCH_ITEMS) {
      if (merged.length > 0) yield merged;
      merged = [];
    }
    if (first.isEmpty && !(await first.load())) cursors.splice(cursors.indexOf(first), 1);
  }
  if (merged.length > 0) yield merged;
}

/**
 * What the sources bring from now on. Several sources wait a moment for each other; each is asked for more only when
 * its last items were used. Ends when every source has ended.
 */
export async function* mergeLive(sources: readonly LogSource[]): AsyncIterable<SourceItem[]> {
  const [only, ...others] = sources;
  if (only === undefined) return;
  if (others.length === 0) {
    yield* only.live();
    return;
  }
  const feeds = sources.map((source) => new Feed(source.live()));
  for (;;) {
    const running = feeds.filter((feed) => !feed.ended);
    if (running.length === 0) return;
    await Promise.race(running.map((feed) => feed.ready));
    await new Promise((resolve) => setTimeout(resolve, REORDER_MS));
    // Only these: another feed may get its batch while they are used.
    const full = feeds.filter((feed) => feed.hasItems);
    const items = full.flatMap((feed) => feed.peek());
    // A stable sort by a time that never falls inside a component keeps each component's order.
    items.sort((a, b) => a.orderMs - b.orderMs);
    if (items.length > 0) yield items.map(({ item }) => item);
    for (const feed of full) feed.advance();
  }
}

/** The time by which an item is ordered: never less than that of the one before it in the same component. */
class Order {
  #lastMs = Number.NEGATIVE_INFINITY;

  of(item: SourceItem): number {
    const timeMs = item.type === "line" ? item.timeMs : Date.parse(item.time);
    if (timeMs > this.#lastMs) this.#lastMs = timeMs;
    return this.#lastMs;
  }
}

class Cursor {
  readonly #batches: AsyncIterator<SourceItem[]>;
  readonly #order = new Order();
  #batch: SourceItem[] = [];
  #index = 0;
  /** Of the item that {@link take} gives next. */
  timeMs = 0;

  constructor(batches: AsyncIterable<SourceItem[]>) {
    this.#batches = batches[Symbol.asyncIterator]();
  }

  get isEmpty(): boolean {
    return this.#index >= this.#batch.length;
  }

  /** False when there is no more. Makes what was taken before invalid. */
  async load(): Promise<boolean> {
    do {
      const next = await this.#batches.next();
      if (next.done === true) return false;
      this.#batch = next.value;
      this.#index = 0;
    } while (this.isEmpty);
    this.#look();
    return true;
  }

  take(): SourceItem {
    const item = this.#batch[this.#index];
    if (item === undefined) throw new Error("nothing was loaded");
    this.#index += 1;
    this.#look();
    return item;
  }

  #look(): void {
    const item = this.#batch[this.#index];
    if (item !== undefined) this.timeMs = this.#order.of(item);
  }
}

function earliestTwo(cursors: readonly Cursor[]): [Cursor | null, Cursor | null] {
  let first: Cursor | null = null;
  let second: Cursor | null = null;
  for (const cursor of cursors) {
    if (first === null || cursor.timeMs < first.timeMs) {
      second = first;
      first = cursor;
    } else if (second === null || cursor.timeMs < second.timeMs) {
      second = cursor;
    }
  }
  return [first, second];
}

interface OrderedItem {
  orderMs: number;
  item: SourceItem;
}

/** One batch ahead of a live source. */
class Feed {
  readonly #batches: AsyncIterator<SourceItem[]>;
  readonly #order = new Order();
  #items: OrderedItem[] | null = null;
  #failure: { error: unknown } | null = null;
  ended = false;
  /** Resolves when {@link peek} has something, or the source has ended. */
  ready: Promise<void>;

  constructor(batches: AsyncIterable<SourceItem[]>) {
    this.#batches = batches[Symbol.asyncIterator]();
    this.ready = this.#pull();
  }

  /** Whether {@link peek} has something to give, be it the failure of the source. */
  get hasItems(): boolean {
    return this.#items !== null || this.#failure !== null;
  }

  peek(): OrderedItem[] {
    if (this.#failure !== null) throw this.#failure.error;
    return this.#items ?? [];
  }

  /** What was peeked at is used: ask for more. */
  advance(): void {
    this.#items = null;
    this.ready = this.#pull();
  }

  async #pull(): Promise<void> {
    try {
      const next = await this.#batches.next();
      if (next.done === true) this.ended = true;
      else this.#items = next.value.map((item) => ({ orderMs: this.#order.of(item), item }));
    } catch (error) {
      this.#failure = { error };
    }
  }
}
