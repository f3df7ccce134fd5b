import { AppError } from "../errors.ts";
import type { ComponentName, ComponentStatus, StackStatus, SupervisedName } from "../stack/component.ts";
import type { DownOptions, Stack, StackEvent, StopReport, UpOptions } from "../stack/events.ts";
import type { ComponentSpec } from "../stack/spec.ts";
import { summarise } from "../stack/summary.ts";
import { readyEvent } from "./component-start.ts";
import { ContainerWatch } from "./container-watch.ts";
import type { SupervisorDeps } from "./deps.ts";
import { Healer } from "./healer.ts";
import { HeldContainers } from "./held-containers.ts";
import { logEvent } from "./log-event.ts";
import { OutdatedImages } from "./outdated-images.ts";
import { loadRestarts, restoreRestarts, saveRestarts } from "./restart-record.ts";
import { StartRun } from "./start-run.ts";
import { StatusFeed } from "./status-feed.ts";
import { type StopInput, stopComponent, stopEverything } from "./stop.ts";
import { type RestartRecord, Supervised } from "./supervised.ts";

interface RunningStart {
  run: StartRun;
  done: Promise<void>;
  past: StackEvent[];
  listeners: Set<(event: StackEvent) => void>;
}

/** docker-runner alone takes up to 10 s to let its calls finish. */
const RESTART_GRACE_MS = 15_000;

/** The stack as it runs in this process: the only owner of starts, restarts and stops. */
export class Supervisor implements Stack {
  readonly #deps: SupervisorDeps;
  readonly #restartsFile: string;
  readonly #components = new Map<SupervisedName, Supervised>();
  readonly #feed = new StatusFeed(() => this.snapshot());
  readonly #healer: Healer;
  readonly #images: OutdatedImages;
  readonly #held: HeldContainers | null;
  readonly #containers: ContainerWatch;
  #start: RunningStart | null = null;
  /** Set once the whole stack is being stopped; there is no way back from it. */
  #stop: Promise<StopReport> | null = null;
  readonly #force = new AbortController();
  /** Of an earlier server; read once. */
  #records: Map<string, RestartRecord> | null = null;
  #saving: Promise<void> = Promise.resolve();

  constructor(deps: SupervisorDeps, restartsFile: string) {
    this.#deps = deps;
    this.#restartsFile = restartsFile;
    const components = (): Iterable<Supervised> => this.#components.values();
    const healer = new Healer({ deps, components, onRestart: () => this.#save() });
    this.#healer = healer;
    this.#images = new OutdatedImages(deps.log);
    const { runnerDocker, log } = deps;
    this.#held =
      runnerDocker === null
        ? null
        : new HeldContainers({ runnerId: runnerDocker.runnerId, log, onChange: () => this.#feed.notify() });
    this.#containers = new ContainerWatch({
      deps,
      components,
      heal: (component) => healer.heal(component),
      seenAgain: (component) => healer.seenAgain(component),
    });
  }

  /** Joins a start that is in the works, else begins one. Aborting the signal of whoever began it rolls it back. */
  async up(options: UpOptions & { replaceOutdatedImage?: boolean }): Promise<StackStatus> {
    if (this.#stop !== null) throw stoppingError();
    if (this.#start === null && !options.replaceOutdatedImage && this.#isReady()) {
      for (const component of this.#components.values()) options.onEvent(readyEvent(component, 0, true));
      return this.status();
    }
    const joined = this.#start !== null;
    const start = this.#start ?? this.#begin(options);
    for (const event of start.past) options.onEvent(event);
    start.listeners.add(options.onEvent);
    const onAbort = (): void => start.run.abort(interruption(options.signal));
    // A signal that was aborted before this listens, as by Ctrl-C while the server was launched, fires no event any more.
    if (!joined && options.signal.aborted) onAbort();
    else if (!joined) options.signal.addEventListener("abort", onAbort, { once: true });
    try {
      await start.done;
    } finally {
      start.listeners.delete(options.onEvent);
      options.signal.removeEventListener("abort", onAbort);
    }
    return this.status();
  }

  async down(options: DownOptions): Promise<StopReport> {
    const input = { deps: this.#deps, options, forceSignal: this.#force.signal };
    if (options.component !== null) {
      const component = this.#find(options.component);
      return component === undefined ? { stopped: [], killed: [] } : stopComponent(component, input);
    }
    if (options.force) this.#force.abort(new Error("the stop was forced"));
    this.#stop ??= this.#stopAll(input);
    return this.#stop;
  }

  async #stopAll(input: StopInput): Promise<StopReport> {
    this.#start?.run.abort(new AppError("NOT_RUNNING", "The start was ended by a stop"));
    await this.#start?.done.catch(() => {}); // Whoever asked for that start is told by its own promise.
    return stopEverything([...this.#components.values()], input);
  }

  /** Ends one component and starts it anew; the others are not touched. */
  async restart(name: ComponentName, options: UpOptions): Promise<StackStatus> {
    await this.down({ ...options, component: name, graceMs: RESTART_GRACE_MS, force: false });
    return this.up(options);
  }

  async status(): Promise<StackStatus> {
    return { ...this.snapshot(), warnings: this.#images.warnings(this.#components.values()) };
  }

  /** What is known now, without asking anybody. */
  snapshot(): StackStatus {
    const { clock, paths, instance, version } = this.#deps;
    const supervised = [...this.#components.values()].map((component): ComponentStatus => {
      const status = component.toStatus(clock);
      const holds = status.name === "docker-runner" && status.runtime === "process";
      return holds ? { ...status, containers: this.#held?.count ?? null } : status;
    });
    const components = [this.#deps.serverStatus(), ...supervised];
    const state = this.#components.size === 0 ? "starting" : summarise(components);
    return { state, home: paths.home, instance, version, components };
  }

  watch(signal: AbortSignal): AsyncIterable<StackStatus> {
    return this.#feed.watch(signal);
  }

  /** Resolves once nothing of the supervisor's own is under way any more. */
  async settle(): Promise<void> {
    await Promise.all([this.#deps.docker.close(), this.#deps.runnerDocker?.link.close()]);
    await this.#saving;
  }

  #begin(options: UpOptions & { replaceOutdatedImage?: boolean }): RunningStart {
    const past: StackEvent[] = [];
    const listeners = new Set<(event: StackEvent) => void>();
    const run = new StartRun({
      deps: this.#deps,
      register: (specs) => this.#register(specs),
      begin: (component, instance) => this.#healer.begin(component, instance),
      replaceOutdatedImage: options.replaceOutdatedImage ?? false,
      timeoutMs: options.timeoutMs,
      emit: (event) => {
        past.push(event);
        logEvent(this.#deps.log, event);
        for (const listener of listeners) listener(event);
      },
    });
    const start: RunningStart = { run, past, listeners, done: this.#perform(run) };
    this.#start = start;
    return start;
  }

  async #perform(run: StartRun): Promise<void> {
    try {
      this.#records ??= await loadRestarts(this.#restartsFile);
      await run.execute();
      this.#followDocker();
    } finally {
      this.#start = null;
      this.#feed.notify();
    }
  }

  #followDocker(): void {
    if (this.#deps.runnerDocker !== null) this.#held?.follow(this.#deps.runnerDocker.link);
    if (![...this.#components.values()].some((component) => component.spec.runtime === "container")) return;
    this.#deps.docker.follow({
      onConnected: () => void this.#containers.onConnected(),
      onLost: (reason) => this.#containers.onLost(reason),
      onEvent: (event) => this.#containers.onEvent(event),
      onImagesChanged: (engine) => void this.#images.refresh(engine, this.#components.values()),
    });
  }

  #register(specs: ComponentSpec[]): Supervised[] {
    return specs.map((spec) => {
      const known = this.#components.get(spec.name);
      if (known !== undefined) {
        known.spec = spec;
        return known;
      }
      const component = new Supervised(spec, () => this.#feed.notify());
      const record = this.#records?.get(spec.name);
      if (record !== undefined) restoreRestarts(component, record, this.#deps.clock);
      this.#components.set(spec.name, component);
      return component;
    });
  }

  /** Nothing to start, nothing to heal: a start then only says so. */
  #isReady(): boolean {
    const components = [...this.#components.values()];
    return components.length > 0 && components.every((component) => component.state.kind === "ready");
  }

  #find(name: ComponentName): Supervised | undefined {
    return [...this.#components.values()].find((component) => component.name === name);
  }

  #save(): void {
    const save = (): Promise<void> => saveRestarts(this.#restartsFile, this.#components.values(), this.#deps.clock);
    this.#saving = this.#saving.then(save).catch((error: unknown) => {
      this.#deps.log.warn(`restart counters could not be saved: ${String(error)}`);
    });
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
