import {
  type ContainerInfo,
  type ContainerLogLine,
  type ContainerState,
  type DockerEngine,
  DockerRequestError,
} from "../docker/engine.ts";
import { LABEL } from "../docker/labels.ts";
import { AppError } from "../errors.ts";
import { sleep } from "../platform/clock.ts";
import { collectBatches } from "./batch.ts";
import { ContainerEvents } from "./container-events.ts";
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
  /** Wakes when the container-ID file may have changed. */
  waker: Waker;
  warn: (sentence: string) => void;
  /** Between attempts to reach an engine that is gone; nothing announces its return. Default 1 s. */
  reconnectMs?: number;
  signal: AbortSignal;
}

const RECONNECT_MS = 1_000;
/** A follow that ends at once, as some log drivers have it, must not be asked for without end. */
const SHORTEST_ROUND_MS = 100;
/** The container went away between two questions, or is going: the next round sees what became of it. */
const REMOVAL_STATUS = [404, 409];

/**
 * Docker ends a follow when the container stops. This goes on: it attaches again when the same container runs again or
 * another took its place, and puts a marker between their lines.
 */
export class ContainerFollow {
  readonly #options: ContainerFollowOptions;
  readonly #position: ContainerPosition;
  #current: Run | null;
  /** Stands before the first line of another run. */
  #pending: PendingMarker | null = null;
  /** Deaths up to this moment have their marker. */
  #toldUntilMs = 0;
  #hasToldLoss = false;
  #hasWarned = false;

  /** @param current The container whose history was read up to `position`. */
  constructor(options: ContainerFollowOptions, position: ContainerPosition, current: FoundContainer | null) {
    this.#options = options;
    this.#position = position;
    this.#current = current === null ? null : { id: current.id, startedMs: timeOf(current.state.startedAt) };
  }

  /** Ends when the signal aborts. */
  async *run(): AsyncIterable<FollowedItem[]> {
    const { signal } = this.#options;
    let connection: Connection | null = null;
    while (!signal.aborted) {
      const beganMs = performance.now();
      try {
        if (this.#options.onlyRecorded) await this.#waitForRecord();
        if (connection === null || connection.events.hasEnded) connection = await this.#connect();
        yield* this.#followOnce(connection);
        await this.#pause(SHORTEST_ROUND_MS - (performance.now() - beganMs));
      } catch (error) {
        if (signal.aborted) return;
        const isRemoval = error instanceof DockerRequestError && REMOVAL_STATUS.includes(error.statusCode);
        if (!isRemoval) {
          connection = null;
          this.#explain(error);
        }
        await this.#pause(isRemoval ? SHORTEST_ROUND_MS : (this.#options.reconnectMs ?? RECONNECT_MS));
      }
    }
  }

  async #connect(): Promise<Connection> {
    const { instance } = await this.#options.scope();
    const engine = await this.#options.connect();
    const events = new ContainerEvents(engine, {
      // What happened since the run that we know began may explain the lines that come next.
      sinceMs: this.#current?.startedMs ?? null,
      signal: this.#options.signal,
      isOfInterest: ({ containerId, attributes }) =>
        containerId === this.#current?.id ||
        (attributes[LABEL.component] === "agent-runner" && attributes[LABEL.instance] === instance),
    });
    return { engine, events };
  }

  /** From the present container, as it is, to the next change: another start, a removal, a replacement. */
  async *#followOnce(connection: Connection): AsyncIterable<FollowedItem[]> {
    const scope = await this.#options.scope();
    const seen = { changes: connection.events.changes, recordedId: readContainerId(scope.containerIdFile) };
    const container = await findContainer(connection.engine, scope);
    this.#hasWarned = false;
    if (container === null) {
      const loss = this.#noticeRemoval(this.#current);
      if (loss !== null) yield [loss];
    } else {
      yield* this.#catchUp(connection, container);
      if (container.state.running) {
        yield* this.#read(connection, container.id, { follow: true });
        return;
      }
    }
    await this.#waitForChange(connection.events, scope, seen);
  }

  /** What was written since the last line, also by a run that has ended meanwhile. */
  async *#catchUp(connection: Connection, container: FoundContainer): AsyncIterable<FollowedItem[]> {
    this.#noticeStart(container);
    yield* this.#read(connection, container.id, { follow: false });
    // It runs again and has said nothing yet.
    const pending = this.#pending;
    if (pending !== null && container.state.running && !this.#options.signal.aborted) yield [this.#tell(pending)];
  }

  /** The lines behind the position, with the marker where another run begins. */
  async *#read(
    { engine, events }: Connection,
    id: string,
    { follow }: { follow: boolean },
  ): AsyncIterable<FollowedItem[]> {
    const { signal } = this.#options;
    const request = { follow, tail: "all", since: this.#position.since, until: null, signal } as const;
    for await (const lines of collectBatches(this.#position.skipSeen(engine.logs(id, request)))) {
      const items: FollowedItem[] = [];
      for (const line of lines) {
        // A container that is restarted quickly puts its first lines into the stream that is about to end.
        this.#noticeDeath(id, events.deathOf(id));
        const pending = this.#pending;
        if (pending !== null && Date.parse(line.time) > pending.afterMs) items.push(this.#tell(pending));
        items.push({ type: "line", line });
      }
      yield items;
    }
  }

  #tell({ record, afterMs }: PendingMarker): MarkerRecord {
    this.#pending = null;
    this.#toldUntilMs = Math.max(this.#toldUntilMs, afterMs);
    return record;
  }

  /** Notes a run that is not the one we read last. */
  #noticeStart({ id, state }: ContainerInfo): void {
    const previous = this.#current;
    const startedMs = timeOf(state.startedAt);
    this.#current = { id, startedMs };
    if (id !== previous?.id) {
      this.#noticeReplacement(previous);
    } else if (
      startedMs !== previous.startedMs &&
      this.#pending === null &&
      timeOf(state.finishedAt) > this.#toldUntilMs
    ) {
      this.#pending = restartMarker(betweenRuns(state));
    }
  }

  #noticeReplacement(previous: Run | null): void {
    this.#position.reset();
    this.#toldUntilMs = 0;
    const hasToldLoss = this.#hasToldLoss;
    const loss = this.#noticeRemoval(previous);
    const isFirst = previous === null && !this.#options.hasEarlierLines;
    const record = loss ?? (hasToldLoss || isFirst ? null : this.#replacementMarker());
    this.#hasToldLoss = false;
    this.#pending = record === null ? null : { record, afterMs: 0 };
  }

  #replacementMarker(): MarkerRecord {
    const detail = `goes on with container ${this.#current?.id.slice(0, 12)}`;
    return markerOf("agent-runner", "restarted", { timeMs: this.#current?.startedMs ?? Date.now(), detail });
  }

  /** Notes that lines from now on may be of another run: the container died, and was perhaps started again already. */
  #noticeDeath(id: string, deathMs: number | null): void {
    if (deathMs === null || this.#pending !== null || this.#current?.id !== id) return;
    if (deathMs > Math.max(this.#toldUntilMs, this.#current.startedMs)) this.#pending = restartMarker(deathMs);
  }

  /** The marker for a container that somebody else removed. What the supervisor removes it saves first. */
  #noticeRemoval(container: Run | null): MarkerRecord | null {
    if (container === null || this.#hasToldLoss || isLastLogOf(this.#options.lastLogFile, container.id)) return null;
    this.#hasToldLoss = true;
    const detail = `container ${container.id.slice(0, 12)} was removed by hand, and its log with it`;
    return markerOf("agent-runner", "lost", { timeMs: Date.now(), detail });
  }

  async #waitForChange(
    events: ContainerEvents,
    scope: ContainerScope,
    seen: { changes: number; recordedId: string | null },
  ): Promise<void> {
    const done = new AbortController();
    const signal = AbortSignal.any([this.#options.signal, done.signal]);
    try {
      await Promise.race([events.after(seen.changes), this.#recordChange(scope, seen.recordedId, signal)]);
    } finally {
      done.abort();
    }
  }

  async #recordChange({ containerIdFile }: ContainerScope, recordedId: string | null, signal: AbortSignal) {
    while (!signal.aborted && readContainerId(containerIdFile) === recordedId) await this.#options.waker.wait();
  }

  async #waitForRecord(): Promise<void> {
    await this.#recordChange(await this.#options.scope(), null, this.#options.signal);
  }

  /** Shorter when the signal aborts. */
  async #pause(ms: number): Promise<void> {
    const { signal } = this.#options;
    if (ms > 0 && !signal.aborted) await sleep(ms, { signal }).catch(() => {});
  }

  /** An engine that went away is waited for; the user hears of it once. */
  #explain(error: unknown): void {
    if (!(error instanceof AppError) && !(error instanceof DockerRequestError)) throw error;
    if (!this.#hasWarned) this.#options.warn(`The log of the agent-runner is not to be had now: ${error.message}`);
    this.#hasWarned = true;
  }
}

interface Connection {
  engine: FollowEngine;
  events: ContainerEvents;
}

/** One run of a container. */
interface Run {
  id: string;
  startedMs: number;
}

interface PendingMarker {
  record: MarkerRecord;
  /** Lines behind this moment are of the new run. */
  afterMs: number;
}

function restartMarker(afterMs: number): PendingMarker {
  const detail = "the container was started again";
  return { record: markerOf("agent-runner", "restarted", { timeMs: afterMs, detail }), afterMs };
}

/**
 * A moment between the end of the last run and the first line of this one. Docker's stamps are late on both sides: the
 * last lines are stamped after the end, the first ones before the start is noted.
 */
function betweenRuns(state: ContainerState): number {
  return (timeOf(state.finishedAt) + timeOf(state.startedAt)) / 2;
}

/** Docker's zero time, `0001-01-01T00:00:00Z`, lies before everything. */
function timeOf(text: string): number {
  return Math.max(0, Date.parse(text) || 0);
}
