import type { ComponentInstance } from "../components/instance.ts";
import type { SupervisorDeps } from "./deps.ts";
import { endInstance } from "./end-instance.ts";
import type { Supervised } from "./supervised.ts";
import { cessationInWords, isWorking, onWorking } from "./working.ts";

/** A component that lives but does not work is ended after so long, and so started again. */
const UNHEALTHY_LIMIT_MS = 30_000;
const READY_AFTER_RESTART_MS = 60_000;

/** Turns what instances show of their work into `ready` and `unhealthy`. */
export class ReadinessWatch {
  readonly #deps: SupervisorDeps;

  constructor(deps: SupervisorDeps) {
    this.#deps = deps;
  }

  /** From now on until the instance ends. */
  follow(component: Supervised, instance: ComponentInstance): void {
    this.becomeReadyIfWorking(component);
    const forget = onWorking(instance, this.#deps.registry, (works) => {
      // Replaced, and perhaps without an end that anybody was told of.
      if (component.instance !== instance) forget();
      else if (works) this.#becomeReady(component);
      else this.#becomeUnhealthy(component, instance);
    });
    void instance.exited.then(forget);
  }

  becomeReadyIfWorking(component: Supervised): void {
    if (component.instance !== null && isWorking(component.instance, this.#deps.registry)) this.#becomeReady(component);
  }

  /** A restart that never becomes ready is a death like any other. */
  limitRestart(component: Supervised): void {
    const instance = component.instance;
    if (instance === null || component.state.kind === "ready") return;
    const timer = this.#deps.clock.setTimer(() => {
      if (component.instance === instance && component.state.kind === "starting") {
        void endInstance(component, instance, this.#deps, "it did not become ready");
      }
    }, READY_AFTER_RESTART_MS);
    void instance.exited.then(() => timer.cancel());
  }

  #becomeReady(component: Supervised): void {
    const { kind } = component.state;
    if (kind !== "starting" && kind !== "unhealthy" && kind !== "unknown") return;
    component.cancelRetry();
    component.enter({ kind: "ready", sinceMs: this.#deps.clock.monotonicMs() });
    this.#deps.log.info(`${component.name} is ready`);
  }

  #becomeUnhealthy(component: Supervised, instance: ComponentInstance): void {
    if (component.state.kind !== "ready") return;
    const reason = cessationInWords(instance);
    component.enter({ kind: "unhealthy", sinceMs: this.#deps.clock.monotonicMs(), reason });
    const timer = this.#deps.clock.setTimer(() => {
      if (component.instance === instance && component.state.kind === "unhealthy") {
        void endInstance(component, instance, this.#deps, reason);
      }
    }, UNHEALTHY_LIMIT_MS);
    component.cancelRetry = () => timer.cancel();
    instance.probe();
  }
}
