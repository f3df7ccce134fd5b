import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { request } from "node:http";
import { basename, join } from "node:path";
import { homePaths } from "../../src/platform/paths.ts";
import type { StackStatus } from "../../src/stack/component.ts";
import { RunningCommand } from "../support/running-command.ts";
import { docker, type Envelope, type RigOptions, StackRig } from "../support/stack-rig.ts";
import { containersOf, type EngineContainer, volumeExists } from "./docker-socket.ts";
import { listProcesses, type OwnProcess, ownProcesses } from "./process-list.ts";

export interface Told {
  exitCode: number;
  /** Of the error in the envelope; null for none, or without an envelope. */
  code: string | null;
  text: string;
}

/** What a home may hold when nothing of it runs. */
const KEPT = [
  /^(config\.yaml|secrets\.env)$/,
  /^data\/instance-id$/,
  /^data\/stigmer\.db(-wal|-shm)?$/,
  /^data\/logs\/[a-z-]+(\.last)?\.log(\.\d+)?$/,
  /^data\/workspace\//,
  /^run\/docker-runner\.secret$/,
];
/** What a running stack has besides. */
const RUNNING = [
  /^data\/(daemon|workflow-runner|agent-runner|docker-runner)\.pid$/,
  /^data\/agent-runner-container\.id$/,
  /^run\/(stigmer\.sock|socket-path|token|port|restarts\.json|docker-runner\.(port|policy\.json))$/,
];

/** A stack under trial: the command line on a home of its own, and a look at all of it from outside. */
export class Subject {
  readonly rig: StackRig;
  readonly #dockerSocket: string | undefined;
  /** Of processes that were seen; a group is looked for even when none of it carries our name any more. */
  readonly #groups = new Set<number>();
  readonly #volumes = new Set<string>();
  readonly #ports = new Set<number>();
  #logs = new Map<string, string>();
  #containerLog: { id: string; text: string } | null = null;

  constructor(options: RigOptions = {}) {
    this.rig = new StackRig(options);
    this.#dockerSocket = options.env?.["DOCKER_HOST"]?.replace(/^unix:\/\//, "");
  }

  /** Starts a command and leaves it running. */
  begin(args: string[], env?: Record<string, string>): RunningCommand & { pid: number } {
    const child = this.rig.spawn(args, env);
    return Object.assign(new RunningCommand(child), { pid: child.pid ?? 0 });
  }

  /** Runs a command with --json and says how it ended. */
  async tell(args: string[], env?: Record<string, string>): Promise<Told & { data: unknown }> {
    const { exitCode, envelope, stderr } = await this.rig.json(args, env === undefined ? {} : { env });
    return { exitCode, code: envelope.error?.code ?? null, text: textOf(envelope, stderr), data: envelope.data };
  }

  processes(): OwnProcess[] {
    const found = ownProcesses(this.rig.instance());
    for (const { group, pid } of found) if (group === pid) this.#groups.add(group);
    return found;
  }

  /** The process that leads a component's group. */
  leader(component: string): OwnProcess | undefined {
    return this.processes().find((found) => found.component === component && found.pid === found.group);
  }

  async containers(): Promise<EngineContainer[]> {
    const found = await containersOf(this.rig.instance(), this.#dockerSocket);
    for (const name of found.flatMap(({ volumes }) => volumes)) this.#volumes.add(name);
    return found;
  }

  /** Notes what is there now, so that its absence can be proved later. */
  async look(): Promise<{ processes: OwnProcess[]; containers: EngineContainer[] }> {
    const port = this.rig.has("run", "port") ? Number(this.rig.read("run", "port")) : 0;
    if (port > 0) this.#ports.add(port);
    return { processes: this.processes(), containers: await this.containers() };
  }

  /** What was logged so far: none of it may be lost from here on. */
  async rememberLogs(): Promise<void> {
    this.#logs = this.#readLogs();
    const [container] = await this.containers();
    if (container === undefined || this.#dockerSocket !== undefined) return;
    this.#containerLog = { id: container.id, text: await docker("logs", container.id) };
  }

  /** Log lines that were there and are not any more. */
  async lostLogs(): Promise<string[]> {
    const now = this.#readLogs();
    const lost = [...this.#logs].filter(([name, text]) => !(now.get(name) ?? "").startsWith(text));
    const problems = lost.map(([name]) => `lines of ${name} are lost`);
    if (this.#containerLog === null) return problems;
    const { id, text } = this.#containerLog;
    const isThere = (await this.containers()).some((container) => container.id === id);
    const kept = isThere ? await docker("logs", id) : this.#readIfThere("data/logs/agent-runner.last.log");
    const missing = text.split("\n").filter((line) => !kept.includes(line));
    if (missing.length > 0) problems.push(`${missing.length} lines of the container's log are lost: ${missing[0]}`);
    return problems;
  }

  /** Whatever is there of this home although its stack is stopped; one sentence each. */
  async remains(): Promise<string[]> {
    const { processes, containers } = await this.look();
    const named = new Set(processes.map(({ pid }) => pid));
    const grouped = listProcesses().filter(({ group, pid }) => this.#groups.has(group) && !named.has(pid));
    const volumes = await Promise.all(
      [...this.#volumes].map(async (name) => ({ name, there: await volumeExists(name, this.#dockerSocket) })),
    );
    const ports = await Promise.all([...this.#ports].map(async (port) => ({ port, ours: await this.#isOurs(port) })));
    return [
      ...processes.map(({ pid, component, command }) => `process ${pid} (${component}) is left: ${command}`),
      ...grouped.map(({ pid, group, command }) => `process ${pid} of group ${group} is left: ${command}`),
      ...containers.map(({ id, running }) => `container ${id} is left${running ? " and runs" : ""}`),
      ...volumes.filter(({ there }) => there).map(({ name }) => `volume ${name} is left`),
      ...ports.filter(({ ours }) => ours).map(({ port }) => `our server answers on port ${port}`),
      ...this.#boundSockets().map((path) => `socket ${path} is bound`),
      ...this.files()
        .filter((file) => !KEPT.some((pattern) => pattern.test(file)))
        .map((file) => `file ${file} is left`),
    ];
  }

  /** In what way this is not exactly one stack, ready, and described truly by its files. */
  async faultsOfReadyStack(): Promise<string[]> {
    const problems: string[] = [];
    const { envelope, exitCode } = await this.rig.json<StackStatus>(["server", "status"]);
    if (exitCode !== 0 || envelope.data?.state !== "ready") {
      problems.push(
        `status is ${envelope.data?.state}, exit ${exitCode}: ${JSON.stringify(envelope.data?.components)}`,
      );
    }
    const { processes, containers } = await this.look();
    const components = envelope.data?.components ?? [];
    for (const [component, file] of this.#pidFiles(components)) {
      const leaders = processes.filter((found) => found.component === component && found.pid === found.group);
      if (leaders.length !== 1) problems.push(`${leaders.length} processes lead as ${component}`);
      const recorded = this.#readIfThere(`data/${file}`).split("\n")[0];
      if (recorded !== String(leaders[0]?.pid)) problems.push(`${file} names ${recorded}, not ${leaders[0]?.pid}`);
    }
    const wanted = components.some(({ runtime }) => runtime === "container") ? 1 : 0;
    if (containers.length !== wanted) problems.push(`${containers.length} containers instead of ${wanted}`);
    const recordedId = this.#readIfThere("data/agent-runner-container.id").trim();
    if (wanted === 1 && recordedId !== containers[0]?.id) problems.push(`the ID file names ${recordedId}`);
    if (containers.some(({ running }) => !running)) problems.push("the container does not run");
    const unexpected = this.files().filter((file) => ![...KEPT, ...RUNNING].some((pattern) => pattern.test(file)));
    problems.push(...unexpected.map((file) => `file ${file} has no place in a home`));
    return problems;
  }

  /** Everything under the home but folders, relative to it. */
  files(): string[] {
    const paths = readdirSync(this.rig.home, { recursive: true, encoding: "utf8" });
    // A lock is a folder; as long as it is there it counts.
    return paths.filter((path) => /\.lock(~|$)/.test(basename(path)) || !isFolder(join(this.rig.home, path)));
  }

  /** Ends what is left, by force; returns what should not have been left after a stop. */
  async dispose(): Promise<string[]> {
    const stop = await this.rig.json(["server", "stop"]);
    const left = await this.remains();
    if (stop.exitCode !== 0)
      left.unshift(`the last stop exited ${stop.exitCode}: ${textOf(stop.envelope, stop.stderr)}`);
    await this.rig.dispose();
    return left;
  }

  #pidFiles(components: StackStatus["components"]): [component: string, file: string][] {
    const agentRunner = components.find(({ name }) => name === "agent-runner");
    return [
      ["stigmer-server", "daemon.pid"],
      ["workflow-runner", "workflow-runner.pid"],
      ...(agentRunner?.runtime === "process" ? [["agent-runner", "agent-runner.pid"] as [string, string]] : []),
    ];
  }

  #boundSockets(): string[] {
    const { socketFile } = homePaths(this.rig.home);
    const bound = readFileSync("/proc/net/unix", "utf8").split("\n");
    return bound.filter((line) => line.endsWith(` ${socketFile}`)).map(() => socketFile);
  }

  #isOurs(port: number): Promise<boolean> {
    return new Promise((resolve) => {
      const call = request({ host: "127.0.0.1", port, path: "/health", timeout: 2_000 }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (piece: string) => {
          text += piece;
        });
        response.once("close", () => resolve(text.includes(this.rig.instance())));
      });
      call.once("timeout", () => call.destroy());
      call.once("error", () => resolve(false));
      call.end();
    });
  }

  #readLogs(): Map<string, string> {
    if (!this.rig.has("data", "logs")) return new Map();
    const names = readdirSync(this.rig.path("data", "logs")).filter(
      (name) => name.endsWith(".log") && !name.includes(".last."),
    );
    return new Map(names.map((name) => [name, this.rig.read("data", "logs", name)]));
  }

  #readIfThere(name: string): string {
    return existsSync(this.rig.path(name)) ? this.rig.read(name) : "";
  }
}

function textOf(envelope: Envelope, stderr: string): string {
  return envelope.error === null ? stderr : JSON.stringify(envelope.error);
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // A socket that is just being removed, a dangling link.
  }
}
