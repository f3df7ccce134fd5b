import type { GenerationReader, Position } from "./generation-reader.ts";

/** Whole lines in the scanner's buffer: `buffer[start, end)`. Only a last line may lack its newline. */
export interface LineSpan {
  type: "lines";
  buffer: Buffer;
  start: number;
  end: number;
}

export type ScanResult =
  | LineSpan
  /** The writer deleted what would have come next; reading goes on with `to`. */
  | { type: "gap"; to: Position }
  /** Nothing more for now. */
  | { type: "end" };

/** Measured: larger blocks are no faster, smaller ones cost calls. */
const BLOCK_BYTES = 128 * 1024;

/** A longer line is passed on in pieces, so that a file without newlines cannot fill the memory. */
const LONGEST_LINE_BYTES = 32 * 1024 * 1024;

const NEWLINE = 0x0a;

/** Cuts a log into spans of whole lines, forward from a position and across its generations. */
export class LineScanner {
  readonly #reader: GenerationReader;
  #next: Position;
  #buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  /** The line that has begun and not ended: `buffer[start, filled)`, without a newline up to `searched`. */
  #start = 0;
  #filled = 0;

  constructor(reader: GenerationReader, from: Position) {
    this.#reader = reader;
    this.#next = from;
  }

  /**
   * The next span; it holds until the following call. With `until` nothing behind that position is read, and with
   * `keepPartial` a last line without a newline stays in the scanner, to be completed by a later call.
   */
  async next(options: { until: Position | null; keepPartial: boolean }): Promise<ScanResult> {
    for (;;) {
      this.#makeRoom();
      const length = Math.min(this.#buffer.length - this.#filled, this.#bytesUntil(options.until));
      const result =
        length === 0
          ? { count: 0, complete: false }
          : await this.#reader.read(this.#next, this.#buffer, { at: this.#filled, length });
      if (result === null) return this.#skipGap();
      if (result.count > 0) {
        const span = this.#accept(result.count);
        if (span !== null) return span;
      } else if (result.complete) {
        this.#next = { generation: this.#next.generation + 1, offset: 0 };
      } else {
        return options.keepPartial ? { type: "end" } : this.#takePartial();
      }
    }
  }

  #accept(count: number): LineSpan | null {
    const searchedTo = this.#filled;
    this.#filled += count;
    this.#next = { generation: this.#next.generation, offset: this.#next.offset + count };
    const newline = this.#buffer.subarray(searchedTo, this.#filled).lastIndexOf(NEWLINE);
    if (newline >= 0) return this.#take(searchedTo + newline + 1);
    return this.#filled - this.#start >= LONGEST_LINE_BYTES ? this.#take(this.#filled) : null;
  }

  #take(end: number): LineSpan {
    const span: LineSpan = { type: "lines", buffer: this.#buffer, start: this.#start, end };
    this.#start = end;
    return span;
  }

  #takePartial(): ScanResult {
    return this.#start === this.#filled ? { type: "end" } : this.#take(this.#filled);
  }

  #skipGap(): ScanResult {
    this.#next = this.#reader.oldestAfter(this.#next.generation);
    // The end of the line that had begun is gone.
    this.#start = 0;
    this.#filled = 0;
    return { type: "gap", to: this.#next };
  }

  #bytesUntil(until: Position | null): number {
    if (until === null || this.#next.generation < until.generation) return Number.POSITIVE_INFINITY;
    return this.#next.generation > until.generation ? 0 : Math.max(0, until.offset - this.#next.offset);
  }

  /** Moves the begun line to the front; a line longer than the buffer doubles it, a short one gives the memory back. */
  #makeRoom(): void {
    const partial = this.#buffer.subarray(this.#start, this.#filled);
    const roomy = partial.length <= this.#buffer.length / 2;
    if (roomy && this.#buffer.length === BLOCK_BYTES) {
      this.#buffer.copyWithin(0, this.#start, this.#filled);
    } else {
      const size = roomy ? Math.max(BLOCK_BYTES, this.#buffer.length / 2) : this.#buffer.length * 2;
      const larger = Buffer.allocUnsafeSlow(size);
      partial.copy(larger);
      this.#buffer = larger;
    }
    this.#start = 0;
    this.#filled = partial.length;
  }
}
