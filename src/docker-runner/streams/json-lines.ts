const NEWLINE = 0x0a;
/** No event is longer; a line without an end must not fill the memory. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;

/** One line of a stream: a document, or why it is none. */
export type JsonLine = { document: unknown } | { problem: string };

/** Newline-delimited JSON, cut anywhere. The last line needs no newline; a bad one is told and the rest goes on. */
export class JsonLines {
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #isSkipping = false;

  push(chunk: Buffer): JsonLine[] {
    const lines: JsonLine[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#keep(chunk.subarray(start, end));
      lines.push(...this.#takeLine());
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
    return lines;
  }

  /** The stream is over. */
  end(): JsonLine[] {
    return this.#takeLine();
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return;
    this.#pendingBytes += part.length;
    if (this.#pendingBytes > MAX_LINE_BYTES) {
      this.#isSkipping = true;
      this.#pending = [];
    } else {
      this.#pending.push(part);
    }
  }

  #takeLine(): JsonLine[] {
    const text = Buffer.concat(this.#pending).toString().trim();
    const isTooLong = this.#isSkipping;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#isSkipping = false;
    if (isTooLong) return [{ problem: "a line of the engine's was too long" }];
    if (text === "") return [];
    try {
      return [{ document: JSON.parse(text) }];
    } catch {
      return [{ problem: "a line of the engine's was no JSON" }];
    }
  }
}
