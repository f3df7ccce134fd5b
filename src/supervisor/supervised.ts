import { type ExitReport, toLastExit } from "../components/exit-reason.ts";
import type { ComponentInstance } from "../components/instance.ts";
import type { ComponentStatus, LastExit, SupervisedName } from "../stack/component.ts";
import { NO_RESTARTS, type RestartHistory } from "../stack/restart-policy.ts";
import type { ComponentSpec } from "../stack/spec.ts";
import { type SupervisionState, transition } from "../stack/state.ts";
import { Mutex } from "./mutex.ts";

/** What outlives a crash of the server about one component. */
export interface RestartRecord {
  restarts: number;
  lastExit: LastExit | null;
  /** Wall-clock times of deaths within the policy's window. */
  deathsAtMs: number[];
  consecutive: number;
}

/** One component under supervision: its state, what runs of it, and its history. */
export class Supervised {
  readonly name: SupervisedName;
  readonly mutex = new Mutex();
  spec: ComponentSpec;
  instance: ComponentInstance | null = null;
  history: RestartHistory = NO_RESTARTS;
  restarts = 0;
  lastExit: LastExit | null = null;
  /** Kept while the container is down, so that status can name it. */
  containerId: string | null = null;
  imageId: string | null = null;
  lastRunnerId: string | null = null;
  /** A start in the works answers for it: its death ends that start and is not healed. */
  underStart = false;
  cancelRetry: () => void = () => {};
  #state: SupervisionState = { kind: "stopped", byUser: false };
  readonly #onChange: () => void;

  constructor(spec: ComponentSpec, onChange: () => void) {
    this.name = spec.name;
    this.spec = spec;
    this.#onChange = onChange;
  }

  get state(): SupervisionState {
    return this.#state;
  }

  enter(state: SupervisionState): void {
    this.#state = transition(this.#state, state);
    this.#onChange();
  }

  /** The instance that now runs; it is not ready yet. */
  begin(instance: ComponentInstance, nowMs: number): void {
    this.instance = instance;
    this.lastRunnerId = instance.runnerId;
    if (instance.containerId !== null) {
      this.containerId = instance.containerId;
      this.imageId = instance.imageId;
    }
    this.enter({ kind: "starting", sinceMs: nowMs });
  }

  noteExit(report: ExitReport, atMs: number): void {
    this.lastExit = toLastExit(report, atMs);
  }

  /** An explicit start or a stop: earlier trouble is forgotten. */
  resetHistory(): void {
    this.cancelRetry();
    this.cancelRetry = () => {};
    this.history = NO_RESTARTS;
    this.restarts = 0;
    this.lastExit = null;
  }

  toStatus(clock: { nowMs(): number; monotonicMs(): number }): ComponentStatus {
    const common = {
      name: this.name,
      state: this.#state.kind,
      startedAt: this.instance?.startedAt ?? null,
      restarts: this.restarts,
      nextRetryAt:
        this.#state.kind === "backoff"
          ? new Date(clock.nowMs() + this.#state.retryAtMs - clock.monotonicMs()).toISOString()
          : null,
      lastExit: this.lastExit,
      message: messageOf(this.#state),
    };
    if (this.spec.runtime === "process") {
      const { serves } = this.spec;
      const endpoint = serves === undefined ? {} : { endpoint: `http://${serves.host}:${serves.port}` };
      return { ...common, runtime: "process", pid: this.instance?.pid ?? null, ...endpoint };
    }
    return {
      ...common,
      runtime: "container",
      containerId: this.containerId,
      containerName: this.spec.containerName,
      image: this.spec.image,
      imageId: this.imageId,
    };
  }
}

function messageOf(state: SupervisionState): string | null {
  switch (state.kind) {
    case "unhealthy":
    case "failed":
    case "unknown":
      return state.reason;
    case "stopped":
      return state.byUser ? "stopped by `stigmer server stop --component`" : null;
    default:
      return null;
  }
}
