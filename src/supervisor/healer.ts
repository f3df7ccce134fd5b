import { describeExit, type ExitReport } from "../components/exit-reason.ts";
import type { ComponentInstance } from "../components/instance.ts";
import { type DockerEngine, DockerRequestError } from "../docker/engine.ts";
import { AppError } from "../errors.ts";
import { sleep } from "../platform/clock.ts";
import { reconcile } from "../stack/reconcile.ts";
import { decideRestart } from "../stack/restart-policy.ts";
import { isHealable } from "../stack/state.ts";
import type { SupervisorDeps } from "./deps.ts";
import { isDockerGone } from "./docker-link.ts";
import { executeRemoval } from "./execute-removal.ts";
import { observeComponent } from "./observe.ts";
import { ReadinessWatch } from "./readiness-watch.ts";
import { executeStart } from "./start-operation.ts";
import type { Supervised } from "./supervised.ts";

export interface HealerOptions {
  deps: SupervisorDeps;
  components: () => Iterable<Supervised>;
  onRestart: () => void;
}

const DOCKER_ANSWER_MS = 60_000;
const HEAL_GRACE_MS = 5_000;
/** Docker refuses to start a container that is being removed; on a busy machine that takes seconds. */
const REMOVAL_RACE_MS = 30_000;
const REMOVAL_RACE_PAUSE_MS = 100;

/** Keeps running what should run: hears of every death, and starts again by the restart policy. */
export class Healer {
  readonly #options: HealerOptions;
  readonly #deps: SupervisorDeps;
  readonly #readiness: ReadinessWatch;

  constructor(options: HealerOptions) {
    this.#options = options;
    this.#deps = options.deps;
    this.#readiness = new ReadinessWatch(options.deps);
    // An adopted process has no parent to be told of its end: the connection that broke off is the first to know.
    options.deps.registry.onPollEnded((runnerId) => this.#find(runnerId)?.instance?.probe());
  }

  /** The component runs as `instance` from now on; its end will be noticed. */
  begin(component: Supervised, instance: ComponentInstance): void {
    component.begin(instance, this.#deps.clock.monotonicMs());
    this.#readiness.follow(component, instance);
    void instance.exited.then((report) => this.#onExit(component, instance, report));
  }

  /** It runs though it was out of sight: ready as soon as it works. */
  seenAgain(component: Supervised): void {
    component.enter({ kind: "starting", sinceMs: this.#deps.clock.monotonicMs() });
    this.#readiness.becomeReadyIfWorking(component);
  }

  /** Brings a component back that is down: observe, reconcile, execute, for it alone. */
  async heal(component: Supervised): Promise<void> {
    const release = await component.mutex.acquire();
    try {
      if (!isHealable(component.state) || component.instance !== null) return;
      component.cancelRetry();
      component.enter({ kind: "starting", sinceMs: this.#deps.clock.monotonicMs() });
      component.restarts += 1;
      this.#options.onRestart();
      await this.#startAgain(component);
      this.#readiness.limitRestart(component);
    } catch (error) {
      this.#onFailedHeal(component, error);
    } finally {
      release();
    }
  }

  async #startAgain(component: Supervised): Promise<void> {
    const deadlineMs = this.#deps.clock.monotonicMs() + REMOVAL_RACE_MS;
    for (;;) {
      try {
        await this.#startOnce(component);
        return;
      } catch (error) {
        if (!racesRemoval(error) || this.#deps.clock.monotonicMs() > deadlineMs || !isHealable(component.state))
          throw error;
        component.instance = null;
        await sleep(REMOVAL_RACE_PAUSE_MS, { clock: this.#deps.clock });
      }
    }
  }

  async #startOnce(component: Supervised): Promise<void> {
    const { deps } = this.#options;
    const isContainer = component.spec.runtime === "container";
    const engine = isContainer ? await deps.docker.engine(AbortSignal.timeout(DOCKER_ANSWER_MS)) : null;
    if (engine !== null && (await this.#startSame(component, engine))) return;
    const observed = await observeComponent(component.spec, deps, engine);
    const plan = reconcile([component.spec], observed, { kind: "heal", component: component.name });
    const starts = plan.start.flat();
    if (engine !== null && starts.some((operation) => operation.kind === "create-container")) {
      await deps.requireImage(engine);
    }
    await executeRemoval(plan.recovery, {
      paths: deps.paths,
      instance: deps.instance,
      engine,
      graceMs: HEAL_GRACE_MS,
      forceSignal: new AbortController().signal,
      onEvent: () => {},
    });
    for (const operation of starts) {
      deps.log.info(`starting ${component.name} again (${component.lastExit?.reason ?? "it was not running"})`);
      await executeStart({
        operation,
        component,
        engine,
        launcher: deps.launcher,
        begin: (target, instance) => this.begin(target, instance),
      });
    }
  }

  /**
   * The way back from a plain death, without a look at everything: the container is known and its spec is the one it was
   * made from. False when it cannot be started as it is; then what is there decides.
   */
  async #startSame(component: Supervised, engine: DockerEngine): Promise<boolean> {
    const { spec, containerId, imageId, lastRunnerId } = component;
    if (spec.runtime !== "container" || containerId === null || imageId === null) return false;
    try {
      this.#deps.log.info(`starting ${component.name} again (${component.lastExit?.reason ?? "it was not running"})`);
      const container = { id: containerId, runnerId: lastRunnerId, imageId };
      await this.#deps.launcher.start(engine, spec, container, (instance) => this.begin(component, instance));
      return true;
    } catch (error) {
      if (!(error instanceof DockerRequestError)) throw error;
      component.instance = null;
      this.#deps.log.info(`container ${containerId.slice(0, 12)} cannot be started again: ${error.message}`);
      return false;
    }
  }

  #onExit(component: Supervised, instance: ComponentInstance, report: ExitReport): void {
    if (component.instance !== instance) return;
    component.instance = null;
    if (instance.runnerId !== null) this.#deps.registry.runnerDied(instance.runnerId);
    component.noteExit(report, this.#deps.clock.nowMs());
    if (!isHealable(component.state) || component.underStart) return;
    this.#deps.log.warn(`${component.name} ended: ${describeExit(report)}`);
    this.#planRestart(component);
  }

  #planRestart(component: Supervised): void {
    const { clock, random } = this.#deps;
    const nowMs = clock.monotonicMs();
    const healthyForMs = component.state.kind === "ready" ? nowMs - component.state.sinceMs : 0;
    const decision = decideRestart(component.history, { atMs: nowMs, healthyForMs, random: random() });
    component.history = decision.history;
    this.#options.onRestart();
    if (decision.kind === "give-up") {
      const reason = `${decision.reason}; last: ${component.lastExit?.reason ?? "unknown"}`;
      this.#deps.log.error(`${component.name} is not started again: ${reason}`);
      component.enter({ kind: "failed", reason });
      return;
    }
    if (decision.delayMs === 0) {
      void this.heal(component);
      return;
    }
    component.enter({ kind: "backoff", retryAtMs: nowMs + decision.delayMs });
    const timer = clock.setTimer(() => void this.heal(component), decision.delayMs);
    component.cancelRetry = () => timer.cancel();
  }

  #onFailedHeal(component: Supervised, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    component.instance = null;
    this.#deps.log.error(`${component.name} could not be started again: ${reason}`);
    if (!isHealable(component.state)) return;
    if (isDockerGone(error)) {
      component.enter({ kind: "unknown", reason: `Docker is out of reach: ${reason}` });
      return;
    }
    component.noteExit({ code: null, signal: null, outOfMemory: false, explanation: reason }, this.#deps.clock.nowMs());
    this.#planRestart(component);
  }

  #find(runnerId: string): Supervised | undefined {
    return [...this.#options.components()].find((component) => component.instance?.runnerId === runnerId);
  }
}

/** The container, or its name, is still held by one that is on its way out. */
function racesRemoval(error: unknown): boolean {
  if (error instanceof AppError) return error.code === "CONTAINER_NAME_TAKEN" && error.retryable;
  return error instanceof DockerRequestError && [404, 409].includes(error.statusCode);
}
