/** Gathers bytes up to a limit: the first and the last of them, and how many were left out between. */
export interface BoundedBuffer {
  push(chunk: Buffer): void;
  /** How many bytes came, dropped ones included. */
  readonly size: number;
  /** The text, with a note in the middle where bytes were dropped; `limit` may be below the buffer's own. */
  toText(limit?: number): string;
}

/** Never holds more than about `limitBytes`, however much is pushed. */
export function createBoundedBuffer(limitBytes: number): BoundedBuffer {
  const headLimit = Math.ceil(limitBytes / 2);
  const tailLimit = limitBytes - headLimit;
  const head: Buffer[] = [];
  const tail: Buffer[] = [];
  let headSize = 0;
  let tailSize = 0;
  let size = 0;

  return {
    get size() {
      return size;
    },
    push(chunk) {
      size += chunk.length;
      const forHead = chunk.subarray(0, headLimit - headSize);
      if (forHead.length > 0) head.push(forHead);
      headSize += forHead.length;
      const forTail = chunk.subarray(forHead.length);
      if (forTail.length === 0) return;
      tail.push(forTail);
      tailSize += forTail.length;
      for (let first = tail[0]; first !== undefined && tailSize - first.length >= tailLimit; first = tail[0]) {
        tail.shift();
        tailSize -= first.length;
      }
    },
    toText(limit = limitBytes) {
      const kept = Buffer.concat([...head, ...tail]);
      return joinEnds({ start: kept, end: kept, size, limitBytes: Math.min(limit, limitBytes) });
    },
  };
}

/** `text` when it is within the limit, else its head and tail. */
export function boundText(text: string, limitBytes: number): string {
  const bytes = Buffer.from(text, "utf8");
  return joinEnds({ start: bytes, end: bytes, size: bytes.length, limitBytes });
}

export interface Ends {
  /** Begins as the whole does. */
  start: Buffer;
  /** Ends as the whole does. */
  end: Buffer;
  /** The size of the whole. */
  size: number;
  limitBytes: number;
}

/** Room for the note about what was dropped. */
const NOTE_BYTES = 64;

/** Head and tail of something larger, cut between characters. */
export function joinEnds({ start, end, size, limitBytes }: Ends): string {
  if (size <= limitBytes && start.length >= size) return start.toString("utf8");
  const room = Math.max(0, limitBytes - NOTE_BYTES);
  const head = trimEnd(start.subarray(0, Math.ceil(room / 2)));
  const tail = trimStart(end.subarray(Math.max(0, end.length - Math.floor(room / 2))));
  return `${head.toString("utf8")}\n[… ${size - head.length - tail.length} bytes dropped …]\n${tail.toString("utf8")}`;
}

/** Without the beginning of a character whose rest was cut off. */
function trimEnd(bytes: Buffer): Buffer {
  let begin = bytes.length - 1;
  while (begin >= 0 && begin > bytes.length - 4 && isContinuation(bytes[begin])) begin -= 1;
  const lead = bytes[begin] ?? 0;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return begin + length > bytes.length ? bytes.subarray(0, begin) : bytes;
}

/** Without the rest of a character whose beginning was cut off. */
function trimStart(bytes: Buffer): Buffer {
  let begin = 0;
  while (begin < 3 && isContinuation(bytes[begin])) begin += 1;
  return bytes.subarray(begin);
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
