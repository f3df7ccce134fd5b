import type { ComponentName } from "../stack/component.ts";
import { findTail, timeBefore } from "./find-tail.ts";
import { GenerationReader, type Position } from "./generation-reader.ts";
import type { LineFilter } from "./line-filter.ts";
import { LineParser } from "./line-parser.ts";
import { LineScanner, type LineSpan, type ScanResult } from "./line-scanner.ts";
import { LogExtent } from "./log-extent.ts";
import { type LogFiles, logFiles } from "./log-files.ts";
import type { MarkerRecord } from "./record.ts";
import { type LineRef, type LogSource, markerOf, type RawHistory, type SourceItem } from "./source.ts";
import type { Waker } from "./wake.ts";

export interface ProcessSourceOptions {
  component: ComponentName;
  /** The live file, `data/logs/<component>.log`; it need not exist. */
  file: string;
  filter: LineFilter | null;
  /** Null reads the history only. */
  follow: { waker: Waker; signal: AbortSignal } | null;
  files?: LogFiles;
}

/** Opens the log of a process: its archives and live file as they are now, and with `follow` what comes after. */
export async function openProcessSource(options: ProcessSourceOptions): Promise<LogSource> {
  const reader = new GenerationReader(options.file, options.files ?? logFiles);
  const { generations, mtimeMs } = await reader.snapshot();
  return new FileSource(options, { reader, extent: new LogExtent(generations), mtimeMs });
}

interface OpenedLog {
  reader: GenerationReader;
  extent: LogExtent;
  /** Time of lines that no line with a time precedes. */
  mtimeMs: number;
}

class FileSource implements LogSource {
  readonly component: ComponentName;
  readonly #options: ProcessSourceOptions;
  readonly #log: OpenedLog;
  readonly #end: Position;
  #from = 0;
  #skip = 0;
  #cursor: { scanner: LineScanner; parser: LineParser } | null = null;

  constructor(options: ProcessSourceOptions, log: OpenedLog) {
    this.component = options.component;
    this.#options = options;
    this.#log = log;
    this.#end = log.extent.at(log.extent.totalBytes);
  }

  async seekTail(count: number): Promise<number> {
    const tail = await findTail(this.#log.reader, {
      extent: this.#log.extent,
      count,
      filter: this.#options.filter,
      keepPartial: this.#options.follow !== null,
      fallbackTimeMs: this.#log.mtimeMs,
    });
    this.#from = tail.from;
    this.#skip = tail.skip;
    return tail.count;
  }

  async *history(): AsyncIterable<SourceItem[]> {
    const { parser } = await this.#begin();
    let skip = this.#skip;
    for await (const result of this.#scanHistory()) {
      if (result.type === "gap") {
        yield [this.#gapMarker(parser.timeMs)];
        continue;
      }
      const lines = this.#matching(parser.parse(result));
      const wanted = skip > 0 ? lines.slice(skip) : lines;
      skip = Math.max(0, skip - lines.length);
      if (wanted.length > 0) yield wanted;
    }
  }

  rawHistory(): RawHistory | null {
    return this.#options.filter !== null ? null : { skip: this.#skip, results: this.#rawHistory() };
  }

  async *live(): AsyncIterable<SourceItem[]> {
    const { follow, filter } = this.#options;
    if (follow === null) return;
    const { scanner, parser } = await this.#begin();
    let hasRun = this.#log.extent.totalBytes > 0;
    while (!follow.signal.aborted) {
      const result = await scanner.next({ until: null, keepPartial: true });
      if (result.type === "end") {
        await follow.waker.wait();
      } else if (result.type === "gap") {
        yield [this.#gapMarker(parser.timeMs)];
      } else {
        const items: SourceItem[] = [];
        for (const line of parser.parse(result)) {
          if (line.isStart && hasRun) items.push(this.#restartMarker(line));
          hasRun = true;
          if (filter === null || filter(line)) items.push(line);
        }
        if (items.length > 0) yield items;
      }
    }
  }

  close(): Promise<void> {
    return this.#log.reader.close();
  }

  /** One scanner for history and what follows: nothing is lost or doubled between them. */
  async #begin(): Promise<{ scanner: LineScanner; parser: LineParser }> {
    if (this.#cursor === null) {
      const { reader, extent, mtimeMs } = this.#log;
      const timeMs = await timeBefore(reader, { extent, offset: this.#from, fallbackTimeMs: mtimeMs });
      this.#cursor = {
        scanner: new LineScanner(reader, extent.at(this.#from)),
        parser: new LineParser(this.component, timeMs),
      };
    }
    return this.#cursor;
  }

  async *#rawHistory(): AsyncIterable<LineSpan | MarkerRecord> {
    const { parser } = await this.#begin();
    for await (const result of this.#scanHistory())
      yield result.type === "gap" ? this.#gapMarker(parser.timeMs) : result;
  }

  async *#scanHistory(): AsyncIterable<Exclude<ScanResult, { type: "end" }>> {
    const { scanner } = await this.#begin();
    for (;;) {
      const result = await scanner.next({ until: this.#end, keepPartial: this.#options.follow !== null });
      if (result.type === "end") return;
      yield result;
    }
  }

  #matching(lines: LineRef[]): LineRef[] {
    const { filter } = this.#options;
    return filter === null ? lines : lines.filter(filter);
  }

  #gapMarker(timeMs: number): MarkerRecord {
    const detail = "lines were dropped by rotation before they were read";
    return markerOf(this.component, "truncated", { timeMs, detail });
  }

  #restartMarker(line: LineRef): MarkerRecord {
    const detail = line.buffer.toString("utf8", line.start, line.end);
    return markerOf(this.component, "restarted", { timeMs: line.timeMs, detail });
  }
}
