import { foreignNameError } from "../components/container/agent-runner-container.ts";
import type { ComponentInstance } from "../components/instance.ts";
import type { DockerEngine } from "../docker/engine.ts";
import type { AppError } from "../errors.ts";
import type { StackEvent } from "../stack/events.ts";
import { formatPlan, type Operation, type Plan } from "../stack/plan.ts";
import { reconcile } from "../stack/reconcile.ts";
import type { ComponentSpec } from "../stack/spec.ts";
import { startComponent } from "./component-start.ts";
import { Created } from "./created.ts";
import type { EngineFacts, SupervisorDeps } from "./deps.ts";
import { isDockerGone } from "./docker-link.ts";
import { executeRemoval, type RemovalContext } from "./execute-removal.ts";
import { observeStack } from "./observe.ts";
import { requirePort } from "./require-port.ts";
import type { Supervised } from "./supervised.ts";

export interface StartRunOptions {
  deps: SupervisorDeps;
  /** Makes the components of these specs known and returns them. */
  register: (specs: ComponentSpec[]) => Supervised[];
  begin: (component: Supervised, instance: ComponentInstance) => void;
  replaceOutdatedImage: boolean;
  timeoutMs: number;
  emit: (event: StackEvent) => void;
}

const RECOVERY_GRACE_MS = 10_000;

/** One `up`: observe, reconcile, recover, start, await; on failure everything it created is gone again. */
export class StartRun {
  readonly #options: StartRunOptions;
  readonly #abort = new AbortController();
  readonly #created = new Created();
  #engine: DockerEngine | null = null;

  constructor(options: StartRunOptions) {
    this.#options = options;
  }

  /** Ends the start; `execute` rejects with `reason` once everything it made is gone. */
  abort(reason: AppError): void {
    this.#abort.abort(reason);
  }

  async execute(): Promise<void> {
    const { deps, timeoutMs, register } = this.#options;
    const deadlineMs = deps.clock.monotonicMs() + timeoutMs;
    const releases: (() => void)[] = [];
    try {
      const components = register(await this.#prepare());
      for (const component of components) releases.push(await component.mutex.acquire());
      const plan = await this.#plan(components);
      await executeRemoval(plan.recovery, this.#removal());
      for (const wave of plan.start) {
        await this.#settle(wave.map((operation) => this.#start(operation, components, deadlineMs)));
      }
    } catch (error) {
      await this.#undo(error);
      throw error;
    } finally {
      for (const release of releases) release();
    }
  }

  async #prepare(): Promise<ComponentSpec[]> {
    const { deps } = this.#options;
    const specs = deps.desired(null);
    if (specs.some((spec) => spec.runtime === "container")) {
      this.#engine = await deps.docker.engine(this.#abort.signal);
      await deps.checkEngine(this.#engine);
      return deps.desired(await deps.engineFacts(this.#engine));
    }
    if (!specs.some((spec) => spec.name === "docker-runner")) return specs;
    return deps.desired(await this.#tryEngine());
  }

  /** docker-runner itself runs without Docker, and says of every call that Docker does not answer. */
  async #tryEngine(): Promise<EngineFacts | null> {
    const { deps, emit } = this.#options;
    try {
      return await deps.engineFacts(await deps.docker.engine(this.#abort.signal));
    } catch (error) {
      if (!isDockerGone(error)) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      emit({ type: "warning", message: `docker-runner can make no containers until Docker answers: ${reason}` });
      return null;
    }
  }

  async #plan(components: Supervised[]): Promise<Plan> {
    const { deps, emit, replaceOutdatedImage } = this.#options;
    const observed = await observeStack({
      paths: deps.paths,
      instance: deps.instance,
      scope: deps.scope,
      docker: this.#engine === null ? { unavailable: "Docker is not needed" } : { engine: this.#engine },
    });
    const specs = components.map((component) => component.spec);
    const plan = reconcile(specs, observed, { kind: "up", replaceOutdatedImage });
    emit({ type: "plan", lines: formatPlan(plan) });
    for (const message of plan.warnings) emit({ type: "warning", message });
    await this.#preflight(plan, specs, observed.containers.kind === "known" ? observed.containers.foreignHolder : null);
    return plan;
  }

  /** Whatever would make the start fail is said before anything is created. */
  async #preflight(
    plan: Plan,
    specs: readonly ComponentSpec[],
    holder: { id: string; name: string; image: string } | null,
  ): Promise<void> {
    const { deps, emit } = this.#options;
    const creates = plan.start.flat().some((operation) => operation.kind === "create-container");
    if (creates && holder !== null) throw foreignNameError(holder.name, holder);
    if (creates && this.#engine !== null) {
      for (const message of await deps.requireImage(this.#engine)) emit({ type: "warning", message });
    }
    for (const operation of plan.start.flat()) {
      const spec =
        operation.kind === "spawn-process" ? specs.find(({ name }) => name === operation.component) : undefined;
      if (spec?.runtime === "process") await requirePort(spec, deps.instance);
    }
    this.#abort.signal.throwIfAborted();
  }

  /**
   * All of a wave, or the first failure once the others have ended, too: none may go on while the start is taken back, and
   * what they were making must be known by then.
   */
  async #settle(starts: Promise<void>[]): Promise<void> {
    try {
      await Promise.all(starts);
    } catch (error) {
      this.#abort.abort(error);
      await Promise.allSettled(starts);
      throw error;
    }
  }

  async #start(operation: Operation, components: Supervised[], deadlineMs: number): Promise<void> {
    const component = components.find((known) => "component" in operation && known.name === operation.component);
    if (component === undefined) throw new Error(`no component for ${operation.kind}`);
    await startComponent(operation, component, {
      deps: this.#options.deps,
      engine: this.#engine,
      signal: this.#abort.signal,
      deadlineMs,
      timeoutMs: this.#options.timeoutMs,
      removal: this.#removal(),
      begin: (target, instance, by) => this.#begin(target, instance, by),
      emit: this.#options.emit,
    });
  }

  #begin(component: Supervised, instance: ComponentInstance, operation: Operation): void {
    const isNew = operation.kind === "spawn-process" || operation.kind === "create-container";
    if (isNew || operation.kind === "start-container") this.#created.note(component, instance, !isNew);
    this.#options.begin(component, instance);
  }

  async #undo(failure: unknown): Promise<void> {
    const reason = failure instanceof Error ? failure.message : String(failure);
    const left = await this.#created.undo(this.#engine, reason, this.#removal());
    for (const message of left) this.#options.emit({ type: "warning", message });
  }

  #removal(): RemovalContext {
    const { deps, emit } = this.#options;
    return {
      paths: deps.paths,
      instance: deps.instance,
      engine: this.#engine,
      graceMs: RECOVERY_GRACE_MS,
      forceSignal: new AbortController().signal,
      onEvent: emit,
    };
  }
}
