import type { Clock } from "../../platform/clock.ts";
import type { Store } from "../../store/open.ts";
import type { Stopping } from "../../store/unfinished.ts";
import { type Ending, endExecution, type LastItems } from "./ending.ts";
import type { EventBell } from "./event-bell.ts";
import { countLeased, createLiveExecution, type LiveExecution } from "./live-execution.ts";
import type { Persist } from "./persist.ts";
import type { TaskPool } from "./task-pool.ts";

/**
 * How long runners have to confirm that they put an execution down before the server ends it by itself. A cancelled
 * tool is dead within 1 s of the request and the command ends within 2 s (product.md §13).
 */
export const STOP_GRACE_MS = 1_500;
/** The used time is written down with everything else that is written, and at least this often while it runs. */
const SAVE_TIME_EVERY_MS = 5_000;

export interface LiveExecutionsOptions {
  store: Store;
  clock: Clock;
  bell: EventBell;
  pool: Pick<TaskPool, "withdraw" | "drop">;
  persist: Persist;
}

/** The unfinished executions, from the moment they are stored to their end. */
export class LiveExecutions {
  readonly #options: LiveExecutionsOptions;
  readonly #byId = new Map<string, LiveExecution>();

  constructor(options: LiveExecutionsOptions) {
    this.#options = options;
  }

  /** One that is stored and has no task yet. */
  create(row: Parameters<typeof createLiveExecution>[0]): LiveExecution {
    const { clock, persist } = this.#options;
    const execution: LiveExecution = createLiveExecution(row, {
      clock,
      onTimeUp: () =>
        persist(
          () => this.stop(execution, "timed_out"),
          () => this.has(execution),
        ),
    });
    this.#byId.set(execution.id, execution);
    return execution;
  }

  find(executionId: string): LiveExecution | null {
    return this.#byId.get(executionId) ?? null;
  }

  has(execution: LiveExecution): boolean {
    return this.#byId.has(execution.id);
  }

  /** Writes the used time down when that was long ago. */
  saveTime(execution: LiveExecution): void {
    const now = this.#options.clock.monotonicMs();
    if (now - execution.timeSavedAtMs < SAVE_TIME_EVERY_MS) return;
    this.#options.store.unfinished.saveElapsed(execution.number, Math.round(execution.time.usedMs));
    execution.timeSavedAtMs = now;
  }

  /** Asks the runners to put it down, and ends it after a grace; one that no runner holds ends at once. */
  stop(execution: LiveExecution, stopping: Stopping): void {
    if (execution.stopping !== null) return;
    if (countLeased(execution) === 0) {
      this.end(execution, { phase: stopping });
      return;
    }
    this.#options.store.unfinished.markStopping(execution.number, stopping);
    this.stopWithin(execution, stopping);
  }

  /** That it is being ended is stored already: its runners are asked to put it down, and no other gets a task of it. */
  stopWithin(execution: LiveExecution, stopping: Stopping): void {
    const { clock, persist, pool } = this.#options;
    execution.stopping = stopping;
    pool.withdraw(execution);
    execution.stopDeadline = clock.setTimer(
      () =>
        persist(
          () => this.end(execution, { phase: stopping }),
          () => this.has(execution),
        ),
      STOP_GRACE_MS,
    );
  }

  /** Ends it, with the last items of a runner, in one transaction. All its leases are lost. */
  end(execution: LiveExecution, ending: Ending, last: LastItems | null = null): void {
    const { store, clock, bell, pool } = this.#options;
    endExecution({ store, execution, ending, last, now: new Date(clock.nowMs()).toISOString() });
    if (execution.hasEnvironment) store.erase();
    this.#byId.delete(execution.id);
    for (const work of [...execution.works.values()]) pool.drop(work);
    execution.time.stop();
    execution.stopDeadline?.cancel();
    bell.ring(execution.id);
  }

  close(): void {
    for (const { time, stopDeadline, works } of this.#byId.values()) {
      time.stop();
      stopDeadline?.cancel();
      for (const { lease } of works.values()) lease?.expiry.cancel();
    }
  }
}
