/** Where blocks go; `drained` resolves when the reader has taken them. */
export interface BlockOutput {
  write(block: Uint8Array): unknown;
  drained(): Promise<void>;
}

/** Written at once; a reader that stands still keeps one block waiting, whatever the length of the log. */
const BLOCK_BYTES = 128 * 1024;

const NEWLINE = 0x0a;
const TURN_MS = 20;

/** Collects lines into blocks of one reused buffer. */
export class BlockWriter {
  readonly #output: BlockOutput;
  #block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  #used = 0;
  #lastTurnMs = 0;

  constructor(output: BlockOutput) {
    this.#output = output;
  }

  /** Whether {@link flush} is due. */
  get isFull(): boolean {
    return this.#used >= BLOCK_BYTES / 2;
  }

  append(bytes: Buffer, start: number, end: number): void {
    this.#ensure(end - start);
    bytes.copy(this.#block, this.#used, start, end);
    this.#used += end - start;
  }

  appendText(text: string): void {
    this.#ensure(text.length * MOST_BYTES_PER_UNIT);
    this.#used += this.#block.write(text, this.#used);
  }

  endLine(): void {
    this.#ensure(1);
    this.#block[this.#used] = NEWLINE;
    this.#used += 1;
  }

  /** Hands the block on and waits until the reader took it. */
  async flush(): Promise<void> {
    if (this.#used === 0) return;
    await this.writeThrough(this.#block.subarray(0, this.#used));
    this.#used = 0;
    if (this.#block.length > BLOCK_BYTES) this.#block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  }

  /** Writes bytes that are a block already; what was appended before must have been flushed. */
  async writeThrough(bytes: Uint8Array): Promise<void> {
    this.#output.write(bytes);
    await this.#output.drained();
    await this.#takeTurn();
  }

  /** A reader that is always ready would never let the event loop see a signal. */
  async #takeTurn(): Promise<void> {
    if (performance.now() - this.#lastTurnMs < TURN_MS) return;
    await new Promise(setImmediate);
    this.#lastTurnMs = performance.now();
  }

  /** A line longer than what is left makes the block larger until it is flushed. */
  #ensure(length: number): void {
    if (this.#used + length <= this.#block.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#block.length * 2, this.#used + length));
    this.#block.copy(larger, 0, 0, this.#used);
    this.#block = larger;
  }
}

/** UTF-8 needs at most three bytes for one UTF-16 unit. */
const MOST_BYTES_PER_UNIT = 3;
