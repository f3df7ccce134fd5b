import type { ContainerLogLine } from "./engine.ts";
import type { LineReader } from "./log-lines.ts";

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/** Lines of a container with a terminal: no frames, one stream, `\r\n` at the end, a timestamp at the start. */
export class TerminalLineReader implements LineReader {
  #pending: Buffer[] = [];

  push(chunk: Buffer): ContainerLogLine[] {
    const lines: ContainerLogLine[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      lines.push(this.#complete(chunk.subarray(start, end)));
      start = end + 1;
    }
    if (start < chunk.length) this.#pending.push(chunk.subarray(start));
    return lines;
  }

  end(): ContainerLogLine[] {
    return this.#pending.length === 0 ? [] : [this.#complete(Buffer.alloc(0))];
  }

  #complete(last: Buffer): ContainerLogLine {
    const text = this.#pending.length === 0 ? last : Buffer.concat([...this.#pending, last]);
    this.#pending = [];
    const space = text.indexOf(SPACE);
    const end = text[text.length - 1] === CARRIAGE_RETURN ? text.length - 1 : text.length;
    return { time: text.toString("latin1", 0, space), stream: "stdout", line: text.subarray(space + 1, end) };
  }
}
