import { hasPrefix, PREFIX_BYTES } from "@stigmer/agent-runner/log-format";
import type { GenerationReader } from "./generation-reader.ts";
import type { LineFilter } from "./line-filter.ts";
import { LineParser } from "./line-parser.ts";
import { LineScanner } from "./line-scanner.ts";
import type { LogExtent } from "./log-extent.ts";
import type { LineRef } from "./source.ts";

export interface TailRequest {
  extent: LogExtent;
  count: number;
  filter: LineFilter | null;
  /** Whether a last line without a newline counts. */
  keepPartial: boolean;
  /** Time of lines before the first that carries one. */
  fallbackTimeMs: number;
}

export interface Tail {
  /** Offset in the extent, at the beginning of a line. */
  from: number;
  /** Matching lines between `from` and the first wanted one. */
  skip: number;
  /** Matching lines from there on: `count`, or fewer when there are no more. */
  count: number;
}

/** Holds fifty lines of usual length many times over. */
const FIRST_WINDOW_BYTES = 64 * 1024;
const LOOK_BACK_BYTES = 1024 * 1024;
const LINE_START_BLOCK_BYTES = 4 * 1024;
const NEWLINE = 0x0a;

/**
 * Finds where the last `count` matching lines begin. Reads windows from the end, each twice the one before, until they
 * hold enough: the cost follows the lines asked for, not the size of the log.
 */
export async function findTail(reader: GenerationReader, request: TailRequest): Promise<Tail> {
  const { extent, filter, fallbackTimeMs } = request;
  let end = extent.totalBytes;
  let from = end;
  let found = 0;
  for (let windowBytes = FIRST_WINDOW_BYTES; end > 0 && found < request.count; windowBytes *= 2) {
    const start = await lineStartIn(reader, extent, { start: Math.max(0, end - windowBytes), end });
    let matching = 0;
    // Without a filter the time of a line decides nothing.
    const timeMs =
      filter === null ? fallbackTimeMs : await timeBefore(reader, { extent, offset: start, fallbackTimeMs });
    const parser = new LineParser("stigmer-server", timeMs);
    for await (const lines of linesIn(reader, parser, { extent, start, end, keepPartial: request.keepPartial })) {
      matching += filter === null ? lines.length : lines.filter(filter).length;
    }
    if (matching > 0) from = start;
    found += matching;
    end = start;
  }
  const count = Math.min(found, request.count);
  return { from, skip: found - count, count };
}

/**
 * The time that a line at `offset` has if it carries none: that of the last line before it that carries one. After a
 * mebibyte without any, the log is one that carries none.
 */
export async function timeBefore(
  reader: GenerationReader,
  { extent, offset, fallbackTimeMs }: { extent: LogExtent; offset: number; fallbackTimeMs: number },
): Promise<number> {
  if (await carriesTime(reader, extent, offset)) return fallbackTimeMs;
  for (let windowBytes = FIRST_WINDOW_BYTES; windowBytes <= LOOK_BACK_BYTES; windowBytes *= 4) {
    const start = await lineStartIn(reader, extent, { start: Math.max(0, offset - windowBytes), end: offset });
    const parser = new LineParser("stigmer-server", Number.NaN);
    for await (const _ of linesIn(reader, parser, { extent, start, end: offset, keepPartial: false }));
    if (!Number.isNaN(parser.timeMs)) return parser.timeMs;
    if (offset - windowBytes <= 0) break;
  }
  return fallbackTimeMs;
}

async function carriesTime(reader: GenerationReader, extent: LogExtent, offset: number): Promise<boolean> {
  const head = Buffer.alloc(PREFIX_BYTES);
  const result = await reader.read(extent.at(offset), head, { at: 0, length: PREFIX_BYTES });
  return result !== null && hasPrefix(head, 0, result.count);
}

interface Window {
  extent: LogExtent;
  start: number;
  end: number;
  keepPartial: boolean;
}

async function* linesIn(reader: GenerationReader, parser: LineParser, window: Window): AsyncIterable<LineRef[]> {
  const scanner = new LineScanner(reader, window.extent.at(window.start));
  const until = window.extent.at(window.end);
  for (;;) {
    const result = await scanner.next({ until, keepPartial: window.keepPartial });
    if (result.type === "end") return;
    if (result.type === "lines") yield parser.parse(result);
  }
}

/** The first beginning of a line in `[start, end]`. */
async function lineStartIn(
  reader: GenerationReader,
  extent: LogExtent,
  { start, end }: { start: number; end: number },
): Promise<number> {
  if (start === 0) return 0;
  const block = Buffer.allocUnsafe(LINE_START_BLOCK_BYTES);
  // From one byte before: a newline there makes `start` itself a beginning.
  for (let at = start - 1; at < end; ) {
    const result = await reader.read(extent.at(at), block, { at: 0, length: Math.min(block.length, end - at) });
    if (result === null || result.count === 0) return end; // Deleted meanwhile: the window holds nothing.
    const newline = block.subarray(0, result.count).indexOf(NEWLINE);
    if (newline >= 0) return at + newline + 1;
    at += result.count;
  }
  return end;
}
