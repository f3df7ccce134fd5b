import type { DockerEngine, EngineEvent } from "../docker/engine.ts";

const KEPT_DEATHS = 100;

/** Listens to the engine's container events: remembers deaths, and wakes who waits for a start or a removal. */
export class ContainerEvents {
  readonly #isOfInterest: (event: EngineEvent) => boolean;
  readonly #deaths = new Map<string, number[]>();
  readonly #waiting = new Set<() => void>();
  #changes = 0;
  #hasEnded = false;

  /** @param sinceMs Events that were missed come again from then on; null means from now on. */
  constructor(
    engine: Pick<DockerEngine, "events">,
    options: { sinceMs: number | null; signal: AbortSignal; isOfInterest: (event: EngineEvent) => boolean },
  ) {
    this.#isOfInterest = options.isOfInterest;
    void this.#listen(engine.events({ labels: [], sinceMs: options.sinceMs, signal: options.signal }));
  }

  /** The engine went away. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Starts and removals so far; for {@link after}. */
  get changes(): number {
    return this.#changes;
  }

  /** Resolves at the first start or removal behind the `changes` that were seen, or when the engine goes away. */
  async after(changes: number): Promise<void> {
    while (this.#changes <= changes && !this.#hasEnded) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /**
   * When the container died, in milliseconds, oldest first. The engine tells a death after it has stored the last line,
   * so every later line is of another run.
   */
  deathsOf(containerId: string): readonly number[] {
    return this.#deaths.get(containerId) ?? [];
  }

  async #listen(events: AsyncIterable<EngineEvent>): Promise<void> {
    try {
      for await (const event of events) this.#take(event);
    } catch {
      // The engine does not answer: who asks it next for something else learns why.
    } finally {
      this.#hasEnded = true;
      this.#wake();
    }
  }

  #take(event: EngineEvent): void {
    if (!this.#isOfInterest(event)) return;
    if (event.action === "die") this.#noteDeath(event);
    if (event.action !== "start" && event.action !== "destroy") return;
    this.#changes += 1;
    this.#wake();
  }

  /** Only the last ones matter: a reader that is that far behind shows fewer markers, and no line is lost. */
  #noteDeath({ containerId, timeMs }: EngineEvent): void {
    this.#deaths.set(containerId, [...this.deathsOf(containerId), timeMs].slice(-KEPT_DEATHS));
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
