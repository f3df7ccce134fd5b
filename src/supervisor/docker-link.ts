import type { DockerEngine, EngineEvent } from "../docker/engine.ts";
import { LABEL } from "../docker/labels.ts";
import { AppError } from "../errors.ts";
import { type Clock, sleep } from "../platform/clock.ts";

/** What the link tells its owner. Calls never overlap. */
export interface DockerLinkListener {
  /** Docker answers and its events arrive from now on: whatever happened before must be looked up. */
  onConnected(engine: DockerEngine): void;
  onLost(reason: string): void;
  onEvent(event: EngineEvent): void;
  /** What an image's name means may have changed. Left out, images are not followed. */
  onImagesChanged?(engine: DockerEngine): void;
}

const FIRST_RETRY_MS = 200;
const MAX_RETRY_MS = 2_000;

/**
 * The server's standing line to Docker: an events stream that is reopened for as long as it takes. The end of the
 * stream is how a lost daemon is noticed.
 */
export class DockerLink {
  readonly #connect: (signal: AbortSignal) => Promise<DockerEngine>;
  readonly #labels: string[];
  readonly #clock: Clock;
  readonly #closed = new AbortController();
  #engine: DockerEngine | null = null;
  #following: Promise<void> | null = null;

  constructor(options: {
    connect: (signal: AbortSignal) => Promise<DockerEngine>;
    /** Of the containers to hear of; `ai.stigmer.managed` is understood. */
    label: string;
    clock: Clock;
  }) {
    this.#connect = options.connect;
    this.#labels = [`${LABEL.managed}=true`, options.label];
    this.#clock = options.clock;
  }

  /** The engine as it was last reached, else a new attempt. @throws AppError DOCKER_*. */
  async engine(signal: AbortSignal): Promise<DockerEngine> {
    this.#engine ??= await this.#connect(signal);
    return this.#engine;
  }

  /** Begins to follow Docker's events of these containers, until {@link close}. */
  follow(listener: DockerLinkListener): void {
    this.#following ??= this.#run(listener);
  }

  async close(): Promise<void> {
    this.#closed.abort(new Error("the link to Docker was closed"));
    await this.#following;
  }

  async #run(listener: DockerLinkListener): Promise<void> {
    const signal = this.#closed.signal;
    let retryMs = FIRST_RETRY_MS;
    while (!signal.aborted) {
      let reason = "its event stream ended";
      try {
        const engine = await this.engine(signal);
        await engine.ping();
        retryMs = FIRST_RETRY_MS;
        await this.#followEvents(engine, listener, signal);
      } catch (error) {
        reason = error instanceof Error ? error.message : String(error);
      }
      this.#engine = null;
      if (signal.aborted) return;
      listener.onLost(reason);
      await sleep(retryMs, { clock: this.#clock, signal }).catch(() => {}); // Closed: the loop's condition ends it.
      retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
    }
  }

  async #followEvents(engine: DockerEngine, listener: DockerLinkListener, signal: AbortSignal): Promise<void> {
    // Events from this moment on are replayed by the engine, so nothing falls between the look-up and the stream.
    const events = engine.events({ labels: this.#labels, sinceMs: this.#clock.nowMs(), signal });
    listener.onConnected(engine);
    if (listener.onImagesChanged !== undefined) void this.#followImages(engine, listener.onImagesChanged, signal);
    for await (const event of events) listener.onEvent(event);
  }

  /** Ends with the daemon, as the stream of container events does; that one decides what it means. */
  async #followImages(
    engine: DockerEngine,
    onChanged: (engine: DockerEngine) => void,
    signal: AbortSignal,
  ): Promise<void> {
    onChanged(engine);
    try {
      for await (const _ of engine.imageEvents(signal)) onChanged(engine);
    } catch (error) {
      if (!isDockerGone(error)) throw error;
    }
  }
}

/** Whether an error says that Docker itself is out of reach, not that it refused something. */
export function isDockerGone(error: unknown): boolean {
  return error instanceof AppError && error.code.startsWith("DOCKER_");
}
