import { type ContainerInfo, type ContainerLogLine, type DockerEngine, DockerRequestError } from "../docker/engine.ts";
import { LABEL } from "../docker/labels.ts";
import { AppError } from "../errors.ts";
import { sleep } from "../platform/clock.ts";
import { collectBatches } from "./batch.ts";
import type { ContainerPosition } from "./container-position.ts";
import { type ContainerScope, type FoundContainer, findContainer, readContainerId } from "./find-container.ts";
import { isLastLogOf } from "./last-container-log.ts";
import type { MarkerRecord } from "./record.ts";
import { markerOf } from "./source.ts";
import type { Waker } from "./wake.ts";

export type FollowedItem = MarkerRecord | { type: "line"; line: ContainerLogLine };

export type FollowEngine = Pick<DockerEngine, "inspectContainer" | "listContainers" | "logs" | "events">;

export interface ContainerFollowOptions {
  scope: () => Promise<ContainerScope>;
  lastLogFile: string;
  /** @throws AppError DOCKER_*. */
  connect: () => Promise<FollowEngine>;
  /** Waits for the container-ID file before Docker is asked at all. */
  onlyRecorded: boolean;
  /** Whether lines of an earlier container were shown. */
  hasEarlierLines: boolean;
  waker: Waker;
  warn: (sentence: string) => void;
  /** Between attempts to reach an engine that is gone; nothing announces its return. Default 1 s. */
  reconnectMs?: number;
  signal: AbortSignal;
}

const RECONNECT_MS = 1_000;
/** The container went away between two questions, or is going: the next round sees what became of it. */
const REMOVAL_STATUS = [404, 409];
const SHORTEST_FOLLOW_MS = 100;

/**
 * Docker ends a follow when the container stops. This goes on: it attaches again when the same container runs again or
 * another took its place, and puts a marker between their lines.
 */
export class ContainerFollow {
  readonly #options: ContainerFollowOptions;
  readonly #position: ContainerPosition;
  #current: { id: string; startedAt: string } | null;
  /** Stands before the first line of a new run. */
  #pending: PendingMarker | null = null;
  #hasToldLoss = false;
  #hasWarned = false;

  constructor(options: ContainerFollowOptions, position: ContainerPosition, current: FoundContainer | null) {
    this.#options = options;
    this.#position = position;
    this.#current = current === null ? null : { id: current.id, startedAt: current.state.startedAt };
  }

  /** Ends when the signal aborts. */
  async *run(): AsyncIterable<FollowedItem[]> {
    const { connect, signal } = this.#options;
    let engine: FollowEngine | null = null;
    while (!signal.aborted) {
      try {
        if (this.#options.onlyRecorded) await this.#waitForRecord();
        engine ??= await connect();
        yield* this.#followOnce(engine);
      } catch (error) {
        if (signal.aborted) return;
        const isRemoval = error instanceof DockerRequestError && REMOVAL_STATUS.includes(error.statusCode);
        if (!isRemoval) {
          engine = null;
          this.#explain(error);
        }
        await this.#pause(isRemoval ? SHORTEST_FOLLOW_MS : (this.#options.reconnectMs ?? RECONNECT_MS));
      }
    }
  }

  /** From the present container, as it is, to the next change: another start, a removal, a replacement. */
  async *#followOnce(engine: FollowEngine): AsyncIterable<FollowedItem[]> {
    const scope = await this.#options.scope();
    const recordedId = readContainerId(scope.containerIdFile);
    const container = await findContainer(engine, scope);
    this.#hasWarned = false;
    if (container === null) {
      const loss = this.#noticeRemoval(this.#current);
      if (loss !== null) yield [loss];
      await this.#waitForChange(engine, { scope, recordedId, container });
      return;
    }
    yield* this.#catchUp(engine, container);
    if (container.state.running) yield* this.#attach(engine, container.id);
    else await this.#waitForChange(engine, { scope, recordedId, container });
  }

  /** What was written since the last line, also by a run that has ended meanwhile. */
  async *#catchUp(engine: FollowEngine, container: FoundContainer): AsyncIterable<FollowedItem[]> {
    this.#noticeStart(container);
    for await (const lines of this.#read(engine, container.id, { follow: false })) yield this.#withMarker(lines);
    if (this.#pending !== null && !this.#options.signal.aborted) yield [this.#takeMarker(this.#pending)];
  }

  async *#attach(engine: FollowEngine, id: string): AsyncIterable<FollowedItem[]> {
    const beganMs = performance.now();
    let isFirst = true;
    for await (const lines of this.#read(engine, id, { follow: true })) {
      // A restart ends a stream; one that came before Docker had attached us shows in the start time alone.
      const container = isFirst ? await engine.inspectContainer(id) : null;
      if (container !== null) this.#noticeStart(container);
      isFirst = false;
      yield this.#withMarker(lines);
    }
    // A log driver that cannot follow would have us ask without end.
    await this.#pause(SHORTEST_FOLLOW_MS - (performance.now() - beganMs));
  }

  #withMarker(lines: ContainerLogLine[]): FollowedItem[] {
    const items: FollowedItem[] = [];
    for (const line of lines) {
      const pending = this.#pending;
      if (pending !== null && Date.parse(line.time) >= pending.fromMs) items.push(this.#takeMarker(pending));
      items.push({ type: "line", line });
    }
    return items;
  }

  #takeMarker({ marker }: PendingMarker): MarkerRecord {
    this.#pending = null;
    return marker;
  }

  /** Shorter when the signal aborts. */
  async #pause(ms: number): Promise<void> {
    const { signal } = this.#options;
    if (ms > 0 && !signal.aborted) await sleep(ms, { signal }).catch(() => {});
  }

  #read(engine: FollowEngine, id: string, { follow }: { follow: boolean }): AsyncIterable<ContainerLogLine[]> {
    const { signal } = this.#options;
    const lines = engine.logs(id, { follow, tail: "all", since: this.#position.since, until: null, signal });
    return collectBatches(this.#position.skipSeen(lines));
  }

  /** Puts a marker before the lines of a run that is not the one we read last. */
  #noticeStart(container: ContainerInfo): void {
    const previous = this.#current;
    const { startedAt } = container.state;
    this.#current = { id: container.id, startedAt };
    if (container.id === previous?.id) {
      if (startedAt === previous.startedAt) return;
      this.#announce("the container was started again", { startedAt, fromMs: betweenRuns(container) });
      return;
    }
    this.#position.reset();
    const loss = this.#noticeRemoval(previous);
    if (loss !== null) {
      this.#pending = { marker: loss, fromMs: 0 };
    } else if (!this.#hasToldLoss && (previous !== null || this.#options.hasEarlierLines)) {
      this.#announce(`goes on with container ${container.id.slice(0, 12)}`, { startedAt, fromMs: 0 });
    }
    this.#hasToldLoss = false;
  }

  #announce(detail: string, { startedAt, fromMs }: { startedAt: string; fromMs: number }): void {
    const marker = markerOf("agent-runner", "restarted", { timeMs: timeOf(startedAt), detail });
    this.#pending = { marker, fromMs };
  }

  /** The marker for a container that somebody else removed. What the supervisor removes it saves first. */
  #noticeRemoval(container: { id: string } | null): MarkerRecord | null {
    if (container === null || this.#hasToldLoss || isLastLogOf(this.#options.lastLogFile, container.id)) return null;
    this.#hasToldLoss = true;
    const detail = `container ${container.id.slice(0, 12)} was removed by hand, and its log with it`;
    return markerOf("agent-runner", "lost", { timeMs: Date.now(), detail });
  }

  async #waitForChange(engine: FollowEngine, seen: Seen): Promise<void> {
    const done = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, done.signal]);
    try {
      await Promise.race([nextStartOrRemoval(engine, seen, signal), this.#recordChange(seen, signal)]);
    } finally {
      done.abort();
    }
  }

  async #recordChange({ scope, recordedId }: Seen, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && readContainerId(scope.containerIdFile) === recordedId) await this.#options.waker.wait();
  }

  async #waitForRecord(): Promise<void> {
    const scope = await this.#options.scope();
    await this.#recordChange({ scope, recordedId: null, container: null }, this.#options.signal);
  }

  /** An engine that went away is waited for; the user hears of it once. */
  #explain(error: unknown): void {
    if (!(error instanceof AppError) && !(error instanceof DockerRequestError)) throw error;
    if (!this.#hasWarned) this.#options.warn(`The log of the agent-runner is not to be had now: ${error.message}`);
    this.#hasWarned = true;
  }
}

interface PendingMarker {
  marker: MarkerRecord;
  /** The time of the first line that is of the new run. */
  fromMs: number;
}

interface Seen {
  scope: ContainerScope;
  recordedId: string | null;
  container: FoundContainer | null;
}

async function nextStartOrRemoval(engine: FollowEngine, seen: Seen, signal: AbortSignal): Promise<void> {
  const { scope, container } = seen;
  const labels = [
    `${LABEL.managed}=true`,
    `${LABEL.instance}=${scope.instance ?? "none"}`,
    `${LABEL.component}=agent-runner`,
  ];
  // From the end of the last run on, so that nothing that happened since we looked is missed.
  const sinceMs = container === null ? null : Math.max(timeOf(container.state.finishedAt), timeOf(container.createdAt));
  const events = engine.events({ labels: container?.isOurs === false ? [] : labels, sinceMs, signal });
  for await (const { action, containerId } of events) {
    if (container?.isOurs === false && containerId !== container.id) continue;
    if (action === "start" || (action === "destroy" && containerId === container?.id)) return;
  }
}

/**
 * A moment between the end of the last run and the first line of this one. Docker's stamps are late on both sides: the
 * last lines are stamped after the end, the first ones before the start is noted.
 */
function betweenRuns({ state }: ContainerInfo): number {
  return (timeOf(state.finishedAt) + timeOf(state.startedAt)) / 2;
}

/** Docker's zero time, `0001-01-01T00:00:00Z`, lies before everything. */
function timeOf(text: string): number {
  return Math.max(0, Date.parse(text) || 0);
}
