import { foreignNameError } from "../components/container/agent-runner-container.ts";
import { proveServerReachable } from "../components/container/reachability.ts";
import type { ComponentInstance } from "../components/instance.ts";
import type { DockerEngine } from "../docker/engine.ts";
import type { RunnerHello } from "../engine/engine.ts";
import { AppError, type ErrorBody } from "../errors.ts";
import { sleep } from "../platform/clock.ts";
import type { SupervisedName } from "../stack/component.ts";
import type { StackEvent } from "../stack/events.ts";
import { formatPlan, type Operation, type Plan } from "../stack/plan.ts";
import { reconcile } from "../stack/reconcile.ts";
import type { SupervisorDeps } from "./deps.ts";
import { endOperation } from "./end-instance.ts";
import { executeRemoval } from "./execute-removal.ts";
import { observeStack } from "./observe.ts";
import { awaitPolling, ExitedBeforeReady } from "./readiness.ts";
import { executeStart } from "./start-operation.ts";
import type { Supervised } from "./supervised.ts";
import { workspaceError } from "./workspace-error.ts";

export interface StartRunOptions {
  deps: SupervisorDeps;
  /** Makes the components of these specs known and returns them. */
  register: (specs: ReturnType<SupervisorDeps["desired"]>) => Supervised[];
  begin: (component: Supervised, instance: ComponentInstance) => void;
  replaceOutdatedImage: boolean;
  timeoutMs: number;
  emit: (event: StackEvent) => void;
}

/** What an adopted runner may take to find the new server; it tries every half second. */
const ADOPTION_TIMEOUT_MS = 5_000;
/** A runner that has not polled by then is asked whether it can reach the server at all. */
const REACHABILITY_DELAY_MS = 2_000;
const RECOVERY_GRACE_MS = 10_000;
const LOG_TAIL_LINES = 20;

/**
 * One `up`: observe, reconcile, recover, start, await. It remembers what it created, so that a failure takes back
 * that and nothing else.
 */
export class StartRun {
  readonly #options: StartRunOptions;
  readonly #abort = new AbortController();
  readonly #created = new Map<Supervised, { instance: ComponentInstance; keepContainer: boolean }>();
  #engine: DockerEngine | null = null;

  constructor(options: StartRunOptions) {
    this.#options = options;
  }

  /** Ends the start; its promise rejects with `reason` once everything it made is gone. */
  abort(reason: AppError): void {
    this.#abort.abort(reason);
  }

  async execute(): Promise<void> {
    const { deps, timeoutMs } = this.#options;
    const deadlineMs = deps.clock.monotonicMs() + timeoutMs;
    const releases: (() => void)[] = [];
    try {
      const specs = await this.#prepare();
      const components = this.#options.register(specs);
      for (const component of components) releases.push(await component.mutex.acquire());
      const plan = await this.#plan(components);
      await executeRemoval(plan.recovery, this.#removalContext(RECOVERY_GRACE_MS));
      for (const wave of plan.start) {
        await Promise.all(wave.map((operation) => this.#start(operation, components, deadlineMs)));
      }
    } catch (error) {
      const failure = toBody(error);
      await this.#rollBack(failure);
      throw error;
    } finally {
      for (const release of releases) release();
    }
  }

  async #prepare(): Promise<ReturnType<SupervisorDeps["desired"]>> {
    const { deps } = this.#options;
    const specs = deps.desired(null);
    if (!specs.some((spec) => spec.runtime === "container")) return specs;
    this.#engine = await deps.docker.engine(this.#abort.signal);
    await deps.checkEngine(this.#engine);
    return deps.desired(this.#engine.endpoint.flavour);
  }

  async #plan(components: Supervised[]): Promise<Plan> {
    const { deps, emit, replaceOutdatedImage } = this.#options;
    const specs = components.map((component) => component.spec);
    const observed = await observeStack({
      paths: deps.paths,
      instance: deps.instance,
      scope: deps.scope,
      docker: this.#engine === null ? { unavailable: "Docker is not needed" } : { engine: this.#engine },
    });
    const plan = reconcile(specs, observed, { kind: "up", replaceOutdatedImage });
    emit({ type: "plan", lines: formatPlan(plan) });
    for (const message of plan.warnings) emit({ type: "warning", message });
    await this.#preflight(plan, observed.containers.kind === "known" ? observed.containers.foreignHolder : null);
    return plan;
  }

  /** Whatever would make the start fail is said before anything is created. */
  async #preflight(plan: Plan, holder: { id: string; name: string; image: string } | null): Promise<void> {
    const { deps, emit } = this.#options;
    const operations = plan.start.flat();
    const creation = operations.find((operation) => operation.kind === "create-container");
    if (creation !== undefined && holder !== null) throw foreignNameError(holder.name, holder);
    if (this.#engine === null) return;
    if (creation !== undefined || operations.some((operation) => operation.kind === "start-container")) {
      for (const message of await deps.requireImage(this.#engine)) emit({ type: "warning", message });
    }
    this.#abort.signal.throwIfAborted();
  }

  async #start(operation: Operation, components: Supervised[], deadlineMs: number): Promise<void> {
    const { deps, emit } = this.#options;
    const component = components.find((candidate) => "component" in operation && candidate.name === operation.component);
    if (component === undefined) throw new Error(`no component for ${operation.kind}`);
    const adopted = operation.kind === "adopt-process" || operation.kind === "adopt-container";
    if (adopted && component.state.kind === "ready") {
      emit({ type: "component.ready", component: component.name, durationMs: 0, detail: detailOf(component), adopted });
      return;
    }
    const startedMs = deps.clock.monotonicMs();
    component.underStart = true;
    if (!adopted) component.resetHistory();
    try {
      emit({ type: "component.starting", component: component.name, detail: adopted ? "adopting it" : "starting it" });
      await this.#run(operation, component, deadlineMs);
    } finally {
      component.underStart = false;
    }
    const durationMs = Math.round(deps.clock.monotonicMs() - startedMs);
    emit({ type: "component.ready", component: component.name, durationMs, detail: detailOf(component), adopted });
  }

  async #run(operation: Operation, component: Supervised, deadlineMs: number): Promise<void> {
    const { deps } = this.#options;
    const remainingMs = Math.max(0, deadlineMs - deps.clock.monotonicMs());
    if (component.instance === null || !operation.kind.startsWith("adopt")) {
      const started = await executeStart({
        operation,
        component,
        engine: this.#engine,
        launcher: deps.launcher,
        begin: (target, instance) => this.#began(operation, target, instance),
      });
      if (!started) return this.#replace(component, deadlineMs);
    }
    if (!operation.kind.startsWith("adopt")) {
      await this.#awaitReady(component, remainingMs);
      return;
    }
    try {
      await this.#awaitReady(component, Math.min(remainingMs, ADOPTION_TIMEOUT_MS));
    } catch (error) {
      this.#abort.signal.throwIfAborted();
      deps.log.warn(`${component.name} cannot be adopted: ${error instanceof Error ? error.message : String(error)}`);
      await this.#replace(component, deadlineMs);
    }
  }

  /** What was there does not work: end it and start a new one. */
  async #replace(component: Supervised, deadlineMs: number): Promise<void> {
    if (component.instance !== null) {
      const end = endOperation(component.name, component.instance, "it does not answer");
      component.instance = null;
      await executeRemoval([end], this.#removalContext(RECOVERY_GRACE_MS));
    }
    const operation: Operation =
      component.spec.runtime === "process"
        ? { kind: "spawn-process", component: component.name }
        : {
            kind: "create-container",
            component: component.name,
            name: component.spec.containerName,
            image: component.spec.image,
          };
    await this.#run(operation, component, deadlineMs);
  }

  #began(operation: Operation, component: Supervised, instance: ComponentInstance): void {
    if (!operation.kind.startsWith("adopt")) {
      this.#created.set(component, { instance, keepContainer: operation.kind === "start-container" });
    }
    this.#options.begin(component, instance);
  }

  async #awaitReady(component: Supervised, timeoutMs: number): Promise<void> {
    const { deps } = this.#options;
    const instance = component.instance;
    if (instance === null) throw new ExitedBeforeReady(component.name, component.lastExit?.reason ?? "it ended at once");
    const settled = new AbortController();
    const signal = AbortSignal.any([this.#abort.signal, settled.signal]);
    try {
      const polling = awaitPolling({
        component: component.name,
        instance,
        registry: deps.registry,
        timeoutMs,
        signal,
        clock: deps.clock,
      });
      const hello = await Promise.race([polling, this.#proveReachable(component, instance, signal)]);
      checkWorkspace(component.name, hello, deps);
    } catch (error) {
      if (error instanceof ExitedBeforeReady) throw await this.#exitedError(component.name, error);
      throw error;
    } finally {
      settled.abort(new Error("settled"));
    }
  }

  /** Never resolves: it only rejects, with the reason why the container cannot reach the server. */
  async #proveReachable(component: Supervised, instance: ComponentInstance, signal: AbortSignal): Promise<never> {
    const { deps } = this.#options;
    const engine = this.#engine;
    if (instance.containerId === null || engine === null || component.spec.runtime !== "container") return forever();
    try {
      await sleep(REACHABILITY_DELAY_MS, { clock: deps.clock, signal });
    } catch {
      return forever(); // Settled or aborted: the other side of the race has the answer.
    }
    await proveServerReachable(engine, instance.containerId, component.spec);
    return forever();
  }

  async #exitedError(component: SupervisedName, error: ExitedBeforeReady): Promise<AppError> {
    const lines = await this.#options.deps.logTail(component, LOG_TAIL_LINES);
    return new AppError("COMPONENT_EXITED", error.message, {
      detail: lines.length > 0 ? `Its last lines:\n${lines.map((line) => `  ${line}`).join("\n")}` : "It logged nothing.",
      actions: [{ label: "Read its whole log", command: `stigmer server logs -c ${component} -n all` }],
      cause: error,
    });
  }

  async #rollBack(failure: ErrorBody): Promise<void> {
    const { deps, emit } = this.#options;
    const context = this.#removalContext(RECOVERY_GRACE_MS);
    const undo = [...this.#created].map(async ([component, { instance, keepContainer }]) => {
      component.enter({ kind: "stopping" });
      component.instance = null;
      if (keepContainer && instance.containerId !== null) {
        await this.#engine?.stopContainer(instance.containerId, RECOVERY_GRACE_MS);
      } else {
        await executeRemoval([endOperation(component.name, instance, "the start failed")], context);
      }
      component.enter({ kind: "failed", reason: failure.message });
    });
    for (const result of await Promise.allSettled(undo)) {
      if (result.status === "rejected") {
        deps.log.error(`rolling back the start: ${String(result.reason)}`);
        emit({ type: "warning", message: `Something of the failed start is left: ${String(result.reason)}` });
      }
    }
  }

  #removalContext(graceMs: number): Parameters<typeof executeRemoval>[1] {
    const { deps, emit } = this.#options;
    return {
      paths: deps.paths,
      instance: deps.instance,
      engine: this.#engine,
      graceMs,
      forceSignal: new AbortController().signal,
      onEvent: emit,
    };
  }
}

function checkWorkspace(component: SupervisedName, hello: RunnerHello | null, deps: SupervisorDeps): void {
  const workspace = hello?.workspace ?? null;
  if (workspace !== null && !workspace.writable) throw workspaceError(component, workspace, deps.paths);
}

function detailOf(component: Supervised): string {
  const instance = component.instance;
  if (instance === null) return "";
  return instance.containerId === null ? `pid ${instance.pid}` : `container ${instance.containerId.slice(0, 12)}`;
}

function toBody(error: unknown): ErrorBody {
  if (error instanceof AppError) return error.toBody();
  return new AppError("INTERNAL", error instanceof Error ? error.message : String(error)).toBody();
}

function forever(): Promise<never> {
  return new Promise(() => {});
}
