/** Of each stream, the first and the last of so many bytes are kept (docker-runner.md §5). */
const KEPT_BYTES = 512 * 1024;

const FIRST_BYTES = 4096;

/** Keeps the beginning and the end of a stream of any length in bounded memory. */
export class CappedOutput {
  readonly #keptBytes: number;
  #head = Buffer.alloc(0);
  #headBytes = 0;
  /** A ring, made when the head is full. */
  #tail: Buffer | null = null;
  #afterHeadBytes = 0;

  constructor(keptBytes = KEPT_BYTES) {
    this.#keptBytes = keptBytes;
  }

  add(chunk: Buffer): void {
    const first = chunk.subarray(0, this.#keptBytes - this.#headBytes);
    if (first.length > 0) this.#addToHead(first);
    if (first.length < chunk.length) this.#addToTail(chunk.subarray(first.length));
  }

  /** The text, with characters that the cut divided left out, and how many bytes are missing between its halves. */
  read(): { text: string; droppedBytes: number } {
    const head = this.#head.subarray(0, this.#headBytes);
    const tail = this.#readTail();
    const cutBytes = this.#afterHeadBytes - tail.length;
    if (cutBytes === 0) return { text: Buffer.concat([head, tail]).toString(), droppedBytes: 0 };
    const wholeHead = head.subarray(0, head.length - brokenEndBytes(head));
    const wholeTail = tail.subarray(brokenStartBytes(tail));
    const kept = wholeHead.length + wholeTail.length;
    return {
      text: wholeHead.toString() + wholeTail.toString(),
      droppedBytes: this.#headBytes + this.#afterHeadBytes - kept,
    };
  }

  #addToHead(bytes: Buffer): void {
    const neededBytes = this.#headBytes + bytes.length;
    if (neededBytes > this.#head.length) {
      const grown = Buffer.alloc(Math.min(Math.max(FIRST_BYTES, 2 * neededBytes), this.#keptBytes));
      this.#head.copy(grown);
      this.#head = grown;
    }
    bytes.copy(this.#head, this.#headBytes);
    this.#headBytes = neededBytes;
  }

  #addToTail(bytes: Buffer): void {
    this.#tail ??= Buffer.alloc(this.#keptBytes);
    const last = bytes.subarray(Math.max(0, bytes.length - this.#keptBytes));
    const start = (this.#afterHeadBytes + bytes.length - last.length) % this.#keptBytes;
    const fitting = last.copy(this.#tail, start);
    last.copy(this.#tail, 0, fitting);
    this.#afterHeadBytes += bytes.length;
  }

  #readTail(): Buffer {
    if (this.#tail === null) return Buffer.alloc(0);
    if (this.#afterHeadBytes <= this.#keptBytes) return this.#tail.subarray(0, this.#afterHeadBytes);
    const start = this.#afterHeadBytes % this.#keptBytes;
    return Buffer.concat([this.#tail.subarray(start), this.#tail.subarray(0, start)]);
  }
}

/** How many bytes at the end belong to a UTF-8 character that is not all there. */
function brokenEndBytes(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (isContinuation(byte)) continue;
    return characterBytes(byte) > back ? back : 0;
  }
  return 0;
}

function brokenStartBytes(bytes: Buffer): number {
  let count = 0;
  while (count < 3 && isContinuation(bytes[count] ?? 0)) count += 1;
  return count;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** By its first byte. */
function characterBytes(byte: number): number {
  if (byte >= 0xf0) return 4;
  if (byte >= 0xe0) return 3;
  return byte >= 0xc0 ? 2 : 1;
}
