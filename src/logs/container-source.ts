import type { ContainerLogLine } from "../docker/engine.ts";
import { ContainerPosition } from "../docker/log-position.ts";
import { collectBatches } from "./batch.ts";
import { ContainerFollow, type ContainerFollowOptions, type FollowEngine } from "./container-follow.ts";
import { readContainerTail } from "./container-tail.ts";
import type { FoundContainer } from "./find-container.ts";
import { statedLevel } from "./levels.ts";
import type { LineFilter } from "./line-filter.ts";
import type { LineRef, LogSource, SourceItem } from "./source.ts";
import type { Waker } from "./wake.ts";

export interface ContainerSourceOptions
  extends Pick<ContainerFollowOptions, "scope" | "lastLogFile" | "onlyRecorded" | "hasEarlierLines" | "signal"> {
  /** @throws AppError DOCKER_*. */
  connect: () => Promise<FollowEngine>;
  /** The container to begin with; null when there is none, or Docker does not answer. */
  opened: { engine: FollowEngine; container: FoundContainer } | null;
  filter: LineFilter | null;
  /** Whether Docker can apply the filter itself: then a tail need not read everything. */
  dockerSelects: boolean;
  sinceMs: number | null;
  /** Whether levels are of interest; finding them costs. */
  wantsLevel: boolean;
  /** Wakes when the container-ID file may have changed; null reads the history only. */
  follow: { waker: Waker; warn: (sentence: string) => void } | null;
}

/** Docker's own log of the agent-runner container. */
export class ContainerSource implements LogSource {
  readonly component = "agent-runner";
  readonly #options: ContainerSourceOptions;
  readonly #position: ContainerPosition;
  #tail: ContainerLogLine[] | null = null;
  #second = { text: "none", ms: 0 };

  constructor(options: ContainerSourceOptions) {
    this.#options = options;
    this.#position = new ContainerPosition(options.sinceMs);
  }

  async seekTail(count: number): Promise<number> {
    const { opened, filter, dockerSelects, signal } = this.#options;
    this.#tail = [];
    if (opened !== null) {
      this.#tail = await readContainerTail(opened.engine, {
        id: opened.container.id,
        count,
        since: this.#position.since,
        filter: filter === null || dockerSelects ? null : (line) => filter(this.#toLine(line)),
        onLine: (line) => this.#notePassed(line),
        signal,
      });
    }
    return this.#tail.length;
  }

  async *history(): AsyncIterable<SourceItem[]> {
    const { opened, signal } = this.#options;
    if (this.#tail !== null) {
      if (this.#tail.length > 0) yield this.#tail.map((line) => this.#toLine(line));
      this.#tail = [];
    } else if (opened !== null) {
      const request = { follow: false, tail: "all", since: this.#position.since, until: null, signal } as const;
      for await (const lines of collectBatches(opened.engine.logs(opened.container.id, request))) {
        for (const line of lines) this.#notePassed(line);
        const items = this.#toItems(lines);
        if (items.length > 0) yield items;
      }
    }
  }

  async *live(): AsyncIterable<SourceItem[]> {
    const { follow, opened } = this.#options;
    if (follow === null) return;
    const following = new ContainerFollow({ ...this.#options, ...follow }, this.#position, opened?.container ?? null);
    for await (const batch of following.run()) {
      const items: SourceItem[] = [];
      for (const item of batch) {
        if (item.type === "marker") items.push(item);
        else items.push(...this.#toItems([item.line]));
      }
      if (items.length > 0) yield items;
    }
  }

  rawHistory(): null {
    return null;
  }

  async close(): Promise<void> {}

  #toItems(lines: ContainerLogLine[]): LineRef[] {
    const { filter } = this.#options;
    const items = lines.map((line) => this.#toLine(line));
    return filter === null ? items : items.filter(filter);
  }

  #toLine({ time, stream, line }: ContainerLogLine): LineRef {
    return {
      type: "line",
      component: this.component,
      timeMs: this.#timeOf(time),
      stream,
      level: this.#options.wantsLevel ? statedLevel(line) : null,
      isStart: false,
      buffer: line,
      start: 0,
      end: line.length,
    };
  }

  /** Lines come by the thousand in one second: it is parsed once, the milliseconds are three digits. */
  #timeOf(time: string): number {
    if (!time.endsWith("Z") || time[FRACTION_AT - 1] !== ".") return Date.parse(time); // Podman has a zone instead.
    if (!time.startsWith(this.#second.text)) {
      const text = time.slice(0, FRACTION_AT);
      this.#second = { text, ms: Date.parse(`${text}000Z`) };
    }
    return this.#second.ms + Number(time.slice(FRACTION_AT, FRACTION_AT + 3));
  }

  /** Only a follow has to know where the history ended. */
  #notePassed(line: ContainerLogLine): void {
    if (this.#options.follow !== null) this.#position.pass(line);
  }
}

/** Docker pads its times, `2026-11-21T08:49:15.123456789Z`: the fraction begins here. */
const FRACTION_AT = 20;
