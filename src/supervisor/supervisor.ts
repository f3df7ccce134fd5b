import type { ComponentInstance } from "../components/instance.ts";
import { AppError } from "../errors.ts";
import type { ComponentName, ComponentStatus, StackStatus, SupervisedName } from "../stack/component.ts";
import type { DownOptions, Stack, StackEvent, StopReport, UpOptions } from "../stack/events.ts";
import { reconcile } from "../stack/reconcile.ts";
import type { ComponentSpec } from "../stack/spec.ts";
import { summarise } from "../stack/summary.ts";
import type { DockerEngine } from "../docker/engine.ts";
import type { SupervisorDeps } from "./deps.ts";
import { endOperation } from "./end-instance.ts";
import { executeRemoval } from "./execute-removal.ts";
import { Healer } from "./healer.ts";
import { observeStack } from "./observe.ts";
import { loadRestarts, restoreRestarts, saveRestarts } from "./restart-record.ts";
import { StartRun } from "./start-run.ts";
import { Supervised } from "./supervised.ts";

interface RunningStart {
  run: StartRun;
  done: Promise<void>;
  past: StackEvent[];
  listeners: Set<(event: StackEvent) => void>;
}

/** How long a stop waits for Docker to answer before it goes on without it. */
const DOCKER_FOR_STOP_MS = 5_000;

/** The stack as it runs in this process: the only owner of starts, restarts and stops. */
export class Supervisor implements Stack {
  readonly #deps: SupervisorDeps;
  readonly #restartsFile: string;
  readonly #components = new Map<SupervisedName, Supervised>();
  readonly #watchers = new Set<() => void>();
  readonly #healer: Healer;
  #start: RunningStart | null = null;
  /** Set once the whole stack is being stopped; there is no way back from it. */
  #stop: Promise<StopReport> | null = null;
  readonly #force = new AbortController();
  #restoring: Promise<void> | null = null;
  #saving: Promise<void> = Promise.resolve();

  constructor(deps: SupervisorDeps, restartsFile: string) {
    this.#deps = deps;
    this.#restartsFile = restartsFile;
    this.#healer = new Healer({ deps, components: () => this.#components.values(), onRestart: () => this.#save() });
  }

  /** Joins a start that is in the works, else begins one. Aborting the signal of whoever began it rolls it back. */
  async up(options: UpOptions & { replaceOutdatedImage?: boolean }): Promise<StackStatus> {
    if (this.#stop !== null) throw stoppingError();
    const joined = this.#start !== null;
    const start = this.#start ?? this.#begin(options);
    for (const event of start.past) options.onEvent(event);
    start.listeners.add(options.onEvent);
    const onAbort = (): void => start.run.abort(interruption(options.signal));
    if (!joined) options.signal.addEventListener("abort", onAbort, { once: true });
    try {
      await start.done;
    } finally {
      start.listeners.delete(options.onEvent);
      options.signal.removeEventListener("abort", onAbort);
    }
    return this.status();
  }

  async down(options: DownOptions): Promise<StopReport> {
    if (options.component !== null) return this.#stopComponent(options.component, options);
    if (options.force) this.#force.abort(new Error("the stop was forced"));
    this.#stop ??= this.#stopAll(options);
    return this.#stop;
  }

  async #stopAll(options: DownOptions): Promise<StopReport> {
    this.#start?.run.abort(new AppError("NOT_RUNNING", "The start was ended by a stop"));
    await this.#start?.done.catch(() => {}); // Whoever asked for that start is told by its own promise.
    for (const component of this.#components.values()) {
      component.cancelRetry();
      component.enter({ kind: "stopping" });
    }
    const docker = await this.#dockerForStop(options.signal);
    const observed = await observeStack({
      paths: this.#deps.paths,
      instance: this.#deps.instance,
      scope: this.#deps.scope,
      docker: docker.engine === null ? { unavailable: "Docker does not answer" } : { engine: docker.engine },
    });
    const plan = reconcile([], observed, { kind: "down" });
    for (const message of plan.warnings) options.onEvent({ type: "warning", message });
    const report = await executeRemoval(plan.recovery, this.#removalContext(docker.engine, options));
    for (const component of this.#components.values()) {
      component.instance = null;
      component.enter({ kind: "stopped", byUser: false });
    }
    if (docker.error !== null && observed.containerIdFile.kind === "id") throw docker.error;
    return report;
  }

  /** Ends one component and starts it anew; the others are not touched. */
  async restart(name: ComponentName, options: UpOptions): Promise<StackStatus> {
    await this.#stopComponent(name, { ...options, component: name, graceMs: 10_000, force: false });
    return this.up(options);
  }

  async status(): Promise<StackStatus> {
    return this.snapshot();
  }

  /** What is known now, without asking anybody. */
  snapshot(): StackStatus {
    const { clock, paths, instance, version } = this.#deps;
    const supervised = [...this.#components.values()].map((component): ComponentStatus => component.toStatus(clock));
    const components = [this.#deps.serverStatus(), ...supervised];
    const state = this.#components.size === 0 ? "starting" : summarise(components);
    return { state, home: paths.home, instance, version, components };
  }

  /** Whether anything runs under this supervisor. */
  hasRunning(): boolean {
    return [...this.#components.values()].some((component) => component.instance !== null);
  }

  async *watch(signal: AbortSignal): AsyncIterable<StackStatus> {
    let wake: () => void = () => {};
    let changed = true;
    const onChange = (): void => {
      changed = true;
      wake();
    };
    this.#watchers.add(onChange);
    signal.addEventListener("abort", onChange);
    try {
      let last = "";
      while (!signal.aborted) {
        if (!changed) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        changed = false;
        const status = this.snapshot();
        const text = JSON.stringify(status);
        if (text !== last && !signal.aborted) yield status;
        last = text;
      }
    } finally {
      this.#watchers.delete(onChange);
      signal.removeEventListener("abort", onChange);
    }
  }

  /** Resolves once nothing of the supervisor's own is under way any more. */
  async settle(): Promise<void> {
    await this.#deps.docker.close();
    await this.#saving;
  }

  #begin(options: UpOptions & { replaceOutdatedImage?: boolean }): RunningStart {
    const past: StackEvent[] = [];
    const listeners = new Set<(event: StackEvent) => void>();
    const run = new StartRun({
      deps: this.#deps,
      register: (specs) => this.#register(specs),
      begin: (component, instance) => this.#beginInstance(component, instance),
      replaceOutdatedImage: options.replaceOutdatedImage ?? false,
      timeoutMs: options.timeoutMs,
      emit: (event) => {
        past.push(event);
        this.#log(event);
        for (const listener of listeners) listener(event);
      },
    });
    const start: RunningStart = { run, past, listeners, done: this.#perform(run) };
    this.#start = start;
    return start;
  }

  async #perform(run: StartRun): Promise<void> {
    try {
      this.#restoring ??= this.#restore();
      await this.#restoring;
      await run.execute();
      this.#followDocker();
    } finally {
      this.#start = null;
      this.#notify();
    }
  }

  #followDocker(): void {
    if (![...this.#components.values()].some((component) => component.spec.runtime === "container")) return;
    this.#deps.docker.follow({
      onConnected: () => void this.#healer.onDockerConnected(),
      onLost: (reason) => this.#healer.onDockerLost(reason),
      onEvent: (event) => this.#healer.onDockerEvent(event),
    });
  }

  #register(specs: ComponentSpec[]): Supervised[] {
    return specs.map((spec) => {
      const known = this.#components.get(spec.name);
      if (known !== undefined) {
        known.spec = spec;
        return known;
      }
      const component = new Supervised(spec, () => this.#notify());
      const record = this.#records.get(spec.name);
      if (record !== undefined) restoreRestarts(component, record, this.#deps.clock);
      this.#components.set(spec.name, component);
      return component;
    });
  }

  #records: Awaited<ReturnType<typeof loadRestarts>> = new Map();

  async #restore(): Promise<void> {
    this.#records = await loadRestarts(this.#restartsFile);
  }

  #beginInstance(component: Supervised, instance: ComponentInstance): void {
    this.#healer.begin(component, instance);
  }

  async #stopComponent(name: ComponentName, options: DownOptions): Promise<StopReport> {
    const component = [...this.#components.values()].find((candidate) => candidate.name === name);
    if (component === undefined) return { stopped: [], killed: [] };
    const release = await component.mutex.acquire();
    try {
      component.cancelRetry();
      const instance = component.instance;
      component.enter({ kind: "stopping" });
      component.instance = null;
      let report: StopReport = { stopped: [], killed: [] };
      const containerId = component.containerId;
      if (instance !== null || containerId !== null) {
        const engine = containerId === null ? null : await this.#deps.docker.engine(options.signal);
        const operation =
          instance !== null
            ? endOperation(component.name, instance, "stop")
            : ({ kind: "remove-container", component: name, id: containerId ?? "", running: false, reason: "stop" } as const);
        report = await executeRemoval([operation], this.#removalContext(engine, options));
      }
      if (instance?.runnerId) this.#deps.registry.runnerDied(instance.runnerId);
      component.containerId = null;
      component.resetHistory();
      component.enter({ kind: "stopped", byUser: true });
      return report;
    } finally {
      release();
    }
  }

  async #dockerForStop(signal: AbortSignal): Promise<{ engine: DockerEngine | null; error: unknown }> {
    if (!this.#deps.needsDocker()) return { engine: null, error: null };
    try {
      const engine = await this.#deps.docker.engine(AbortSignal.any([signal, AbortSignal.timeout(DOCKER_FOR_STOP_MS)]));
      await engine.ping({ timeoutMs: DOCKER_FOR_STOP_MS });
      return { engine, error: null };
    } catch (error) {
      return { engine: null, error };
    }
  }

  #removalContext(engine: DockerEngine | null, options: DownOptions): Parameters<typeof executeRemoval>[1] {
    return {
      paths: this.#deps.paths,
      instance: this.#deps.instance,
      engine,
      graceMs: options.force ? 0 : options.graceMs,
      forceSignal: this.#force.signal,
      onEvent: (event) => {
        this.#log(event);
        options.onEvent(event);
      },
    };
  }

  #save(): void {
    const save = (): Promise<void> => saveRestarts(this.#restartsFile, this.#components.values(), this.#deps.clock);
    this.#saving = this.#saving.then(save).catch((error: unknown) => {
      this.#deps.log.warn(`restart counters could not be saved: ${String(error)}`);
    });
  }

  #notify(): void {
    for (const watcher of this.#watchers) watcher();
  }

  #log(event: StackEvent): void {
    const { log } = this.#deps;
    switch (event.type) {
      case "plan":
        for (const line of event.lines) log.debug(`plan: ${line}`);
        return;
      case "component.ready":
        log.info(`${event.component} ready in ${event.durationMs} ms (${event.detail})`);
        return;
      case "component.stopped":
        log.info(`${event.component} ${event.killed ? "killed" : "stopped"} after ${event.durationMs} ms`);
        return;
      case "component.failed":
        log.error(`${event.component} failed: ${event.error.message}`);
        return;
      case "component.starting":
      case "component.stopping":
        log.info(`${event.component} ${event.type.slice("component.".length)}`);
        return;
      case "note":
        log.info(event.message);
        return;
      case "warning":
        log.warn(event.message);
        return;
      default:
        event satisfies never;
    }
  }
}

function stoppingError(): AppError {
  return new AppError("START_IN_PROGRESS", "The stack is being stopped right now", {
    retryable: true,
    actions: [{ label: "Start it once it is stopped", command: "stigmer server start" }],
  });
}

function interruption(signal: AbortSignal): AppError {
  return signal.reason instanceof AppError ? signal.reason : new AppError("INTERRUPTED", "The start was interrupted");
}
