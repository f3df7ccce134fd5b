import {
  type ContainerInfo,
  type ContainerLogLine,
  type ContainerLogOptions,
  DockerRequestError,
  type EngineEvent,
} from "../../src/docker/engine.ts";
import type { FollowEngine } from "../../src/logs/container-follow.ts";

const LABELS = {
  "ai.stigmer.managed": "true",
  "ai.stigmer.instance": "the-instance",
  "ai.stigmer.component": "agent-runner",
};

/** An engine with containers that print and stop when a test says so. Time goes by a millisecond a line. */
export class FakeEngine implements FollowEngine {
  readonly containers = new Map<string, FakeContainer>();
  /** Thrown by every call while set. */
  fault: Error | null = null;
  /** How often the engine was asked for a log. */
  logRequests = 0;
  /** What happens, once, between the next look at the container and the answer to the request for its log. */
  beforeNextLog: (() => void) | null = null;
  #nowMs = Date.UTC(2026, 0, 1);
  readonly #events: EngineEvent[] = [];
  readonly #changed = new Set<() => void>();

  start(id: string): void {
    const container = this.containers.get(id) ?? new FakeContainer(id);
    this.containers.set(id, container);
    this.#nowMs += 1000;
    container.running = true;
    container.startedAt = this.#stamp();
    this.#tell("start", id);
  }

  stop(id: string): void {
    const container = this.#container(id);
    this.#nowMs += 1000;
    container.running = false;
    container.finishedAt = this.#stamp();
    this.#tell("die", id);
  }

  remove(id: string): void {
    this.containers.delete(id);
    this.#tell("destroy", id);
  }

  print(
    id: string,
    line: string,
    { stream = "stdout", lateMs = 0 }: { stream?: "stdout" | "stderr"; lateMs?: number } = {},
  ): void {
    this.#nowMs += 1;
    const time = new Date(this.#nowMs - lateMs).toISOString().replace("Z", "000000Z");
    this.#container(id).lines.push({ time, stream, line: Buffer.from(line) });
    this.#wake();
  }

  /** Ends every open stream, as a daemon that is killed does. */
  breakStreams(fault: Error): void {
    this.fault = fault;
    this.#wake();
  }

  async inspectContainer(id: string): Promise<ContainerInfo | null> {
    this.#throwFault();
    return this.containers.get(id)?.info() ?? null;
  }

  async listContainers() {
    this.#throwFault();
    return [...this.containers.values()].map((container) => ({ ...container.info(), running: container.running }));
  }

  async *logs(id: string, options: ContainerLogOptions): AsyncIterable<ContainerLogLine> {
    this.#throwFault();
    this.logRequests += 1;
    this.beforeNextLog?.();
    this.beforeNextLog = null;
    const container = this.#container(id);
    let next = options.tail === "all" ? 0 : Math.max(0, container.lines.length - options.tail);
    const startedAt = container.startedAt;
    for (;;) {
      for (; next < container.lines.length; next += 1) {
        const line = container.lines[next];
        if (line !== undefined && (options.since === null || Date.parse(line.time) >= Date.parse(options.since)))
          yield line;
      }
      this.#throwFault();
      const isOver = !container.running || container.startedAt !== startedAt;
      if (!options.follow || isOver || options.signal.aborted) return;
      await this.#change(options.signal);
    }
  }

  async *events(options: {
    labels: string[];
    sinceMs: number | null;
    signal: AbortSignal;
  }): AsyncIterable<EngineEvent> {
    this.#throwFault();
    let next = options.sinceMs === null ? this.#events.length : 0;
    for (;;) {
      for (; next < this.#events.length; next += 1) {
        const event = this.#events[next];
        if (event !== undefined && event.timeMs >= (options.sinceMs ?? 0)) yield event;
      }
      if (options.signal.aborted || this.fault !== null) return;
      await this.#change(options.signal);
    }
  }

  #container(id: string): FakeContainer {
    const container = this.containers.get(id);
    if (container === undefined) throw new DockerRequestError(404, `No such container: ${id}`);
    return container;
  }

  #stamp(): string {
    return new Date(this.#nowMs).toISOString();
  }

  #tell(action: string, containerId: string): void {
    this.#events.push({ kind: "container", action, containerId, timeMs: this.#nowMs, attributes: LABELS });
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#changed) wake();
    this.#changed.clear();
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#changed.add(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  #throwFault(): void {
    if (this.fault !== null) throw this.fault;
  }
}

class FakeContainer {
  readonly id: string;
  readonly lines: ContainerLogLine[] = [];
  running = false;
  startedAt = "0001-01-01T00:00:00Z";
  finishedAt = "0001-01-01T00:00:00Z";

  constructor(id: string) {
    this.id = id;
  }

  info(): ContainerInfo {
    return {
      id: this.id,
      name: "stigmer-agent-runner",
      image: "image",
      imageId: "sha256:1",
      labels: LABELS,
      createdAt: this.startedAt,
      state: {
        status: this.running ? "running" : "exited",
        running: this.running,
        pid: 0,
        exitCode: 0,
        oomKilled: false,
        error: "",
        startedAt: this.startedAt,
        finishedAt: this.finishedAt,
      },
      env: [],
    };
  }
}
