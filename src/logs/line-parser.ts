import { hasPrefix, isProcessStart, PREFIX_BYTES, prefixLevel, prefixStream } from "@stigmer/agent-runner/log-format";
import type { ComponentName } from "../stack/component.ts";
import { readJsonHead } from "./json-head.ts";
import type { LineSpan } from "./line-scanner.ts";
import type { LineRef } from "./source.ts";

const NEWLINE = 0x0a;

/** Turns spans of a process log into lines. A line without a prefix that states no time of its own has the time of the last one that had it. */
export class LineParser {
  readonly #component: ComponentName;
  #timeMs: number;
  #secondMs = 0;
  readonly #second = Buffer.alloc(SECOND_BYTES);

  constructor(component: ComponentName, timeMs: number) {
    this.#component = component;
    this.#timeMs = timeMs;
  }

  /** The time of the last line that had one. */
  get timeMs(): number {
    return this.#timeMs;
  }

  parse({ buffer, start, end }: LineSpan): LineRef[] {
    const lines: LineRef[] = [];
    for (let at = start; at < end; ) {
      const newline = buffer.indexOf(NEWLINE, at);
      const stop = newline < 0 || newline >= end ? end : newline;
      lines.push(this.#parseLine(buffer, at, stop));
      at = stop + 1;
    }
    return lines;
  }

  #parseLine(buffer: Buffer, start: number, end: number): LineRef {
    const component = this.#component;
    if (!hasPrefix(buffer, start, end)) {
      const json = readJsonHead(buffer, start, end);
      if (json !== null) {
        const { level, timeMs } = json;
        this.#timeMs = timeMs;
        return { type: "line", component, timeMs, stream: "stdout", level, buffer, start, end, isStart: false };
      }
      const timeMs = this.#timeMs;
      return { type: "line", component, timeMs, stream: "stderr", level: null, buffer, start, end, isStart: false };
    }
    this.#timeMs = this.#readTime(buffer, start);
    return {
      type: "line",
      component,
      timeMs: this.#timeMs,
      stream: prefixStream(buffer, start),
      level: prefixLevel(buffer, start),
      buffer,
      start: start + PREFIX_BYTES,
      end,
      isStart: isProcessStart(buffer, start),
    };
  }

  /** Lines come by the thousand in one second: the second is parsed once, the milliseconds are three digits. */
  #readTime(buffer: Buffer, start: number): number {
    for (let index = SECOND_BYTES - 1; index >= 0; index -= 1) {
      if (buffer[start + index] === this.#second[index]) continue;
      buffer.copy(this.#second, 0, start, start + SECOND_BYTES);
      this.#secondMs = Date.parse(`${this.#second.toString("latin1")}Z`);
      break;
    }
    const milliseconds = digit(buffer, start + 20) * 100 + digit(buffer, start + 21) * 10 + digit(buffer, start + 22);
    const timeMs = this.#secondMs + milliseconds;
    return Number.isNaN(timeMs) ? this.#timeMs : timeMs;
  }
}

/** `2026-11-21T08:49:15` */
const SECOND_BYTES = 19;

function digit(buffer: Buffer, at: number): number {
  return (buffer[at] ?? 0) - 0x30;
}
