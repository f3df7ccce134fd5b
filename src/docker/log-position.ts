import type { ContainerLogLine } from "./engine.ts";

/**
 * Docker stamps the two streams of a container each for itself and stores lines as they come, so a line may be older
 * than the one before it. That much is read again when reading goes on, and what was seen of it is dropped.
 */
const OVERLAP_MS = 100;

/** How far a container's log was read, so that another request goes on without loss or repetition. */
export class ContainerPosition {
  readonly #startMs: number | null;
  #newestMs: number | null = null;
  #recent: SeenLine[] = [];
  #pruneAt = SMALLEST_PRUNE;
  #firstKey: string | null = null;

  /** @param startMs Where reading begins; null means with the first line. */
  constructor(startMs: number | null) {
    this.#startMs = startMs;
  }

  /** For `since` of the next request; null reads from the beginning. */
  get since(): string | null {
    const ms = this.#newestMs === null ? this.#startMs : this.#newestMs - OVERLAP_MS;
    return ms === null ? null : new Date(ms).toISOString();
  }

  /** Another container: its log begins at its beginning. */
  reset(): void {
    this.#newestMs = null;
    this.#recent = [];
    this.#firstKey = null;
  }

  /** Notes a line that was read. */
  pass(line: ContainerLogLine): void {
    const timeMs = Date.parse(line.time);
    const key = keyOf(line);
    this.#firstKey ??= key;
    if (this.#newestMs === null || timeMs > this.#newestMs) this.#newestMs = timeMs;
    this.#recent.push({ timeMs, key });
    if (this.#recent.length > this.#pruneAt) this.#prune();
  }

  /** The lines of a request that began at {@link since}, without those read before. */
  async *skipSeen(lines: AsyncIterable<ContainerLogLine>): AsyncIterable<ContainerLogLine> {
    const seen = new Map<string, number>();
    for (const { key } of this.#recent) seen.set(key, (seen.get(key) ?? 0) + 1);
    // When reading began with a tail inside the overlap, the lines before that tail come again and are not wanted.
    let isBeforeTail = this.#firstKey !== null && seen.has(this.#firstKey);
    const newestMs = this.#newestMs ?? 0;
    for await (const line of lines) {
      if (seen.size > 0) {
        if (takeOne(seen, keyOf(line))) {
          isBeforeTail = false;
          continue;
        }
        if (isBeforeTail && Date.parse(line.time) <= newestMs) continue;
      }
      this.pass(line);
      yield line;
    }
  }

  #prune(): void {
    const oldestMs = (this.#newestMs ?? 0) - OVERLAP_MS;
    this.#recent = this.#recent.filter(({ timeMs }) => timeMs >= oldestMs);
    this.#pruneAt = Math.max(SMALLEST_PRUNE, this.#recent.length * 2);
  }
}

interface SeenLine {
  timeMs: number;
  key: string;
}

const SMALLEST_PRUNE = 4096;

/** Nanoseconds, and how many bytes: equal only for lines that nobody could tell apart. */
function keyOf({ time, stream, line }: ContainerLogLine): string {
  return `${time} ${stream} ${line.length}`;
}

function takeOne(counts: Map<string, number>, key: string): boolean {
  const count = counts.get(key) ?? 0;
  if (count > 1) counts.set(key, count - 1);
  else counts.delete(key);
  return count > 0;
}
