import { isContainerInstance } from "../components/container/container-instance.ts";
import { containerRemoved, type ExitReport, fromContainerExit } from "../components/exit-reason.ts";
import type { ComponentInstance } from "../components/instance.ts";
import type { EngineEvent } from "../docker/engine.ts";
import { isHealable } from "../stack/state.ts";
import type { SupervisorDeps } from "./deps.ts";
import type { Supervised } from "./supervised.ts";

export interface ContainerWatchOptions {
  deps: SupervisorDeps;
  components: () => Iterable<Supervised>;
  heal: (component: Supervised) => Promise<void>;
  /** It runs and was out of sight: it counts as starting until it polls. */
  seenAgain: (component: Supervised) => void;
}

/** A `destroy` so soon after the death explains it. */
const REMOVAL_EXPLAINS_MS = 5_000;
const LOOK_UP_TIMEOUT_MS = 10_000;

/** Turns what Docker says, its silence included, into deaths and returns of container components. */
export class ContainerWatch {
  readonly #options: ContainerWatchOptions;
  readonly #deps: SupervisorDeps;
  readonly #outOfMemory = new Set<string>();

  constructor(options: ContainerWatchOptions) {
    this.#options = options;
    this.#deps = options.deps;
  }

  onEvent(event: EngineEvent): void {
    const component = this.#components().find((candidate) => candidate.containerId === event.containerId);
    if (component === undefined) return;
    if (event.action === "oom") this.#outOfMemory.add(event.containerId);
    if (event.action === "die") {
      const outOfMemory = this.#outOfMemory.delete(event.containerId);
      end(component, fromContainerExit(Number(event.attributes["exitCode"] ?? "0"), outOfMemory));
    }
    if (event.action === "destroy") this.#onDestroyed(component);
  }

  /** Docker is gone: what it runs cannot be known. */
  onLost(reason: string): void {
    for (const component of this.#components()) {
      if (!isHealable(component.state) || component.state.kind === "unknown") continue;
      this.#deps.log.warn(`Docker is out of reach, the state of ${component.name} is unknown: ${reason}`);
      component.cancelRetry();
      component.enter({ kind: "unknown", reason: `Docker is out of reach: ${reason}` });
    }
  }

  /** Docker is back: whatever happened meanwhile is looked up, and what is down comes back. */
  async onConnected(): Promise<void> {
    for (const component of this.#components()) {
      if (component.underStart || !isHealable(component.state)) continue;
      if (component.instance !== null) await this.#lookUp(component, component.instance);
      else if (component.state.kind === "unknown") await this.#options.heal(component);
    }
  }

  async #lookUp(component: Supervised, instance: ComponentInstance): Promise<void> {
    if (instance.containerId === null) return;
    try {
      const engine = await this.#deps.docker.engine(AbortSignal.timeout(LOOK_UP_TIMEOUT_MS));
      const found = await engine.inspectContainer(instance.containerId);
      // Its death may have been told and healed while Docker was asked: then the answer is not about what runs now.
      if (component.instance !== instance) return;
      if (found === null) end(component, containerRemoved());
      else if (!found.state.running) end(component, fromContainerExit(found.state.exitCode, found.state.oomKilled));
      else if (component.state.kind === "unknown") this.#options.seenAgain(component);
    } catch (error) {
      // Docker went again: the link says so, and comes back here when it answers.
      const reason = error instanceof Error ? error.message : String(error);
      this.#deps.log.warn(`${component.name} could not be looked up: ${reason}`);
    }
  }

  #onDestroyed(component: Supervised): void {
    if (component.instance?.containerId === component.containerId) end(component, containerRemoved());
    const diedAtMs = component.lastExit === null ? 0 : Date.parse(component.lastExit.at);
    if (this.#deps.clock.nowMs() - diedAtMs < REMOVAL_EXPLAINS_MS) {
      component.noteExit(containerRemoved(), this.#deps.clock.nowMs());
    }
  }

  #components(): Supervised[] {
    return [...this.#options.components()].filter((component) => component.spec.runtime === "container");
  }
}

function end(component: Supervised, report: ExitReport): void {
  if (component.instance !== null && isContainerInstance(component.instance)) component.instance.end(report);
}
