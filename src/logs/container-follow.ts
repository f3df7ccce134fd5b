import { type ContainerLogLine, type DockerEngine, DockerRequestError } from "../docker/engine.ts";
import { LABEL } from "../docker/labels.ts";
import type { ContainerPosition } from "../docker/log-position.ts";
import { AppError } from "../errors.ts";
import { sleep } from "../platform/clock.ts";
import { collectBatches } from "./batch.ts";
import { ContainerEvents } from "./container-events.ts";
import { type ContainerScope, type FoundContainer, findContainer, readContainerId } from "./find-container.ts";
import type { MarkerRecord } from "./record.ts";
import { RunMarkers } from "./run-markers.ts";
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
  readonly #markers: RunMarkers;
  #hasWarned = false;

  /** @param current The container whose history was read up to `position`. */
  constructor(options: ContainerFollowOptions, position: ContainerPosition, current: FoundContainer | null) {
    this.#options = options;
    this.#position = position;
    this.#markers = new RunMarkers({ ...options, current });
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
      sinceMs: this.#markers.current?.startedMs ?? null,
      signal: this.#options.signal,
      isOfInterest: ({ containerId, attributes }) =>
        containerId === this.#markers.current?.id ||
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
      const loss = this.#markers.noticeAbsence();
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
    if (this.#markers.noticeContainer(container)) this.#position.reset();
    yield* this.#read(connection, container.id, { follow: false });
    const marker = container.state.running && !this.#options.signal.aborted ? this.#markers.takeNow() : null;
    if (marker !== null) yield [marker];
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
        this.#markers.noticeDeaths(id, events.deathsOf(id));
        const marker = this.#markers.takeBefore(Date.parse(line.time));
        if (marker !== null) items.push(marker);
        items.push({ type: "line", line });
      }
      yield items;
    }
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
