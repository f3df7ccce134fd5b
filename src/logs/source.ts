import type { ComponentName } from "../stack/component.ts";
import type { LineSpan } from "./line-scanner.ts";
import type { LogStream, MarkerRecord } from "./record.ts";

/** A line as it lies in a reader's buffer: `buffer[start, end)` without its newline. */
export interface LineRef {
  type: "line";
  component: ComponentName;
  timeMs: number;
  stream: LogStream;
  level: string | null;
  /** The first line of a process. */
  isStart: boolean;
  buffer: Buffer;
  start: number;
  end: number;
}

export type SourceItem = LineRef | MarkerRecord;

/**
 * The log of one component. Readers reuse their buffers: an array of items, and the bytes it refers to, hold only until
 * the next array is asked for. That keeps the memory of a reader the same for a thousand lines and for a billion.
 */
export interface LogSource {
  readonly component: ComponentName;
  /** Lets {@link history} begin at the last `count` lines that match; returns how many there are. */
  seekTail(count: number): Promise<number>;
  /** Everything that was there when the source was opened, or since the tail. */
  history(): AsyncIterable<SourceItem[]>;
  /** The history as bytes, for who wants every line as it is; null when it has to be looked at line by line. */
  rawHistory(): RawHistory | null;
  /** Goes on exactly where the history ended, until the source's signal aborts. */
  live(): AsyncIterable<SourceItem[]>;
  close(): Promise<void>;
}

export interface RawHistory {
  /** Lines at the start that are not wanted. */
  skip: number;
  /** Spans of lines as they stand in the file, prefixes included; each holds until the next is asked for. */
  results: AsyncIterable<LineSpan | MarkerRecord>;
}

/** Text of a line as a string; bytes that are not UTF-8 become U+FFFD. */
export function textOf(line: LineRef): string {
  return line.buffer.toString("utf8", line.start, line.end);
}

export function markerOf(
  component: ComponentName,
  marker: MarkerRecord["marker"],
  options: { timeMs: number; detail: string },
): MarkerRecord {
  return { type: "marker", time: new Date(options.timeMs).toISOString(), component, marker, detail: options.detail };
}
