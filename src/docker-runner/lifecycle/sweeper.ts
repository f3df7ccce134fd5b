import type { ContainerListItem } from "../../docker/container-documents.ts";
import { LABEL } from "../../docker/labels.ts";
import type { RunnerEngine } from "../../docker/runner-engine.ts";
import { type Clock, systemClock } from "../../platform/clock.ts";
import type { Activity } from "./activity.ts";

export interface SweeperOptions {
  engine: Pick<RunnerEngine, "list" | "stopContainer" | "removeContainer">;
  activity: Activity;
  /** The filter of this runner's containers. */
  label: string;
  log(message: string, fields: Record<string, unknown>): void;
  clock?: Clock;
}

/** The contract says 5 s at most. */
const LOOK_MS = 1_000;
/** How often the engine is asked for containers that this process has not made or has lost sight of. */
const LIST_MS = 60_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;
/** Its time was over already: this is for closing files, not for finishing work. */
const GRACE_MS = 3_000;
/** A container that was made and never started, and for so long: the process that made it is gone. */
const ABANDONED_MS = 120_000;

/**
 * Stops and removes containers whose time to live is over. A container is claimed before anything is done to it, and one
 * whose removal fails is tried again, each time later. After a restart everything is learnt from the labels.
 */
export class Sweeper {
  readonly #options: Required<SweeperOptions>;
  readonly #claimed = new Set<string>();
  readonly #retries = new Map<string, { afterMs: number; failures: number }>();
  #timer: { cancel(): void } | null = null;
  #listAtMs = 0;
  #isListing = false;

  constructor(options: SweeperOptions) {
    this.#options = { clock: systemClock, ...options };
  }

  start(): void {
    this.#look();
  }

  /** What is being removed right now goes on. */
  stop(): void {
    this.#timer?.cancel();
  }

  /** Whether a container is on its way out, so that nobody may renew it. */
  isLeaving(containerId: string): boolean {
    return this.#claimed.has(containerId);
  }

  #look(): void {
    const { activity, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs >= this.#listAtMs && !this.#isListing) void this.#list();
    for (const id of activity.expired()) {
      if (this.#claimed.has(id) || (this.#retries.get(id)?.afterMs ?? 0) > nowMs) continue;
      this.#claimed.add(id);
      void this.#remove(id, "its time to live is over");
    }
    this.#timer = clock.setTimer(() => this.#look(), LOOK_MS);
  }

  async #remove(id: string, reason: string): Promise<void> {
    const { activity, clock, engine, log } = this.#options;
    try {
      await engine.stopContainer(id, GRACE_MS);
      await engine.removeContainer(id, { force: true, volumes: true });
      activity.forget(id);
      this.#retries.delete(id);
      log("removed a container", { containerId: id, reason });
    } catch (error) {
      const failures = (this.#retries.get(id)?.failures ?? 0) + 1;
      const delayMs = Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LAST_RETRY_MS);
      this.#retries.set(id, { afterMs: clock.monotonicMs() + delayMs, failures });
      log("cannot remove a container", { containerId: id, reason, error: String(error), retryMs: delayMs });
    } finally {
      this.#claimed.delete(id);
    }
  }

  async #list(): Promise<void> {
    const { activity, clock, engine, label } = this.#options;
    this.#isListing = true;
    const knownIds = activity.containerIds; // One that is made meanwhile need not be in the list.
    try {
      const containers = await engine.list({ label: [label] }, { all: true });
      this.#adopt(containers);
      const present = new Set(containers.map(({ Id }) => Id));
      for (const id of knownIds) if (!present.has(id) && !this.#claimed.has(id)) activity.forget(id);
      this.#listAtMs = clock.monotonicMs() + LIST_MS;
    } catch {
      // No engine, no expiry: asked again at the next look.
    } finally {
      this.#isListing = false;
    }
  }

  #adopt(containers: ContainerListItem[]): void {
    const { activity, clock } = this.#options;
    for (const { Created, Id, Labels, State } of containers) {
      const ttlSeconds = Number(Labels?.[LABEL.ttlSeconds] ?? "");
      if (ttlSeconds > 0) activity.watch(Id, ttlSeconds * 1000);
      const isAbandoned = State === "created" && clock.nowMs() - Created * 1000 > ABANDONED_MS;
      if (isAbandoned && !this.#claimed.has(Id)) {
        this.#claimed.add(Id);
        void this.#remove(Id, "it was made and never started");
      }
    }
  }
}
