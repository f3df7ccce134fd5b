import { existsSync } from "node:fs";
import type { Server } from "node:http";
import { createLogger, type Logger } from "@stigmer/agent-runner/logging";
import type { DockerRunnerFacts } from "../config/docker-runner.ts";
import { readSecrets } from "../config/secrets.ts";
import { createEmbeddedEngine, type EmbeddedEngine } from "../engine/embedded/embedded-engine.ts";
import { systemClock } from "../platform/clock.ts";
import { prepareHome } from "../platform/directories.ts";
import { readOrCreateInstanceId } from "../platform/instance.ts";
import { packageVersion } from "../platform/package.ts";
import { type HomePaths, homePaths } from "../platform/paths.ts";
import { readOrCreateSecret } from "../platform/secret-file.ts";
import type { StackStatus } from "../stack/component.ts";
import type { StackEvent } from "../stack/events.ts";
import { openStore, type Store } from "../store/open.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import { createApi } from "./api.ts";
import { createSupervisor, type SupervisorFacts } from "./create-supervisor.ts";
import { prepareDockerRunner } from "./docker-runner-facts.ts";
import type { LaunchOrder } from "./launch-order.ts";
import { listenOnPort, listenOnSocket } from "./listen.ts";
import { claimHome } from "./process-claim.ts";
import { definitionRoutes } from "./routes/definitions.ts";
import { executionRoutes } from "./routes/executions.ts";
import { runnerRoutes } from "./routes/runner.ts";
import { stackRoutes } from "./routes/stack.ts";
import { removeServerFiles } from "./server-files.ts";

/** Answers under way may take so long to reach their readers before the server ends. */
const CLOSE_DEADLINE_MS = 1_000;
const STOP_GRACE_MS = 30_000;

/** One resident server, from its claim of the home to its end. */
export class ServerProcess {
  readonly #order: LaunchOrder;
  readonly #paths: HomePaths;
  readonly #startedAt = new Date().toISOString();
  readonly #servers: Server[] = [];
  readonly #ended: Promise<void>;
  #end: () => void = () => {};
  #logger: Logger | null = null;
  #store: Store | null = null;
  #engine: EmbeddedEngine | null = null;
  #supervisor: Supervisor | null = null;
  #claimed = false;
  #phase: "running" | "stopping" = "running";

  constructor(order: LaunchOrder) {
    this.#order = order;
    this.#paths = homePaths(order.home);
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Claims the home and listens: from here on the server is found and answers. @throws AppError; nothing is left then. */
  async open(): Promise<void> {
    try {
      await this.#open();
    } catch (error) {
      await this.close({ keepGrant: this.leavesSomething });
      throw error;
    }
  }

  /** The first start. Aborting rolls it back. */
  async start(signal: AbortSignal, onEvent: (event: StackEvent) => void): Promise<StackStatus> {
    if (this.#supervisor === null) throw new Error("the server is not open");
    const { timeoutMs, replaceOutdatedImage } = this.#order;
    return this.#supervisor.up({ timeoutMs, replaceOutdatedImage, signal, onEvent });
  }

  /** Stops the whole stack, as a signal asks for it. */
  async stop(): Promise<void> {
    this.#phase = "stopping";
    try {
      await this.#supervisor?.down({
        component: null,
        graceMs: STOP_GRACE_MS,
        force: false,
        signal: new AbortController().signal,
        onEvent: () => {},
      });
    } finally {
      this.#end();
    }
  }

  /** Resolves when a stop has brought everything else down. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** A stop of the whole stack has begun; `ended` resolves when it is through. */
  get isStopping(): boolean {
    return this.#phase === "stopping";
  }

  /** Ends the listeners and removes what only a running server has. */
  async close(options: { keepGrant: boolean }): Promise<void> {
    this.#engine?.close();
    await Promise.all(this.#servers.map(closeServer));
    await this.#supervisor?.settle();
    await this.#store?.close();
    if (this.#claimed) await removeServerFiles(this.#paths, options);
    this.#logger?.info("server ended");
    this.#logger?.close();
  }

  /**
   * After a start that failed, what it had made is gone with its records. Those that are there name something of an earlier
   * run, which needs its token and its port again to be adopted.
   */
  get leavesSomething(): boolean {
    const { containerIdFile, pidFile } = this.#paths;
    const processes = (["workflow-runner", "agent-runner", "docker-runner"] as const).map(pidFile);
    return [containerIdFile, ...processes].some((path) => existsSync(path));
  }

  reportFault(error: unknown, where: string): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#logger?.error(`${where}: ${text}`);
  }

  async #open(): Promise<void> {
    const paths = this.#paths;
    await prepareHome(paths);
    const instance = await readOrCreateInstanceId(paths);
    const version = packageVersion();
    const startedAt = this.#startedAt;
    await claimHome(paths, { instance, version, launcherPid: this.#order.launcherPid, startedAt });
    this.#claimed = true;
    const { settings } = this.#order;
    const logger = createLogger({
      component: "stigmer-server",
      level: this.#order.logLevel,
      file: paths.logFile("stigmer-server"),
      maxSizeBytes: settings.logs.maxSizeBytes,
      maxFiles: settings.logs.maxFiles,
    });
    this.#logger = logger;
    const token = await readOrCreateSecret(paths.tokenFile);
    logger.mask([token]);
    logger.info(`stigmer ${version}, home ${paths.home}, pid ${process.pid}`);
    this.#store = await openStore(paths.databaseFile);
    this.#engine = createEmbeddedEngine({
      store: this.#store,
      clock: systemClock,
      settings: { llm: settings.llm, timeoutMs: settings.execution.timeoutMs },
      retentionMs: settings.execution.retentionMs,
      readSecrets: () => readSecrets(paths.secretsFile),
      environment: process.env,
      serverVersion: version,
      newId: () => crypto.randomUUID(),
      onFault: (error) => this.reportFault(error, "engine"),
    });
    await this.#listen({ instance, version, token, startedAt, logger });
  }

  async #listen(
    facts: Pick<SupervisorFacts, "instance" | "version" | "token" | "startedAt" | "logger">,
  ): Promise<void> {
    if (this.#engine === null || this.#store === null) throw new Error("the engine is not open");
    const { engine, registry, runner } = this.#engine;
    const { settings } = this.#order;
    const { host, port: wanted } = settings.server;
    let port = wanted;
    let dockerRunner: DockerRunnerFacts | null = null;
    const supervisor = createSupervisor({
      ...facts,
      paths: this.#paths,
      order: this.#order,
      port: () => port,
      dockerRunner: () => dockerRunner,
      registry,
    });
    this.#supervisor = supervisor;
    const routes = [
      ...stackRoutes({
        stack: supervisor,
        version: facts.version,
        instance: facts.instance,
        phase: () => this.#phase,
        beginStop: () => {
          this.#phase = "stopping";
        },
        onDown: () => this.#end(),
        depth: () => engine.depth(),
      }),
      ...definitionRoutes({ store: this.#store, nowMs: systemClock.nowMs }),
      ...executionRoutes({ engine }),
      ...runnerRoutes({ runner }),
    ];
    const onFault = (error: unknown, request: { method: string; path: string }): void =>
      this.reportFault(error, `${request.method} ${request.path}`);
    const forRunners = createApi({ routes, token: facts.token, onFault });
    port = await listenOnPort(forRunners, { host, port: wanted, instance: facts.instance }, this.#paths);
    this.#servers.push(forRunners);
    const { instance } = facts;
    dockerRunner = await prepareDockerRunner({ settings, paths: this.#paths, env: process.env, instance });
    const forCli = createApi({ routes, token: null, onFault });
    await listenOnSocket(forCli, this.#paths);
    this.#servers.push(forCli);
    facts.logger.info(`listening on ${this.#paths.socketFile} and http://${host}:${port}`);
  }
}

/** Lets answers under way reach their readers, then cuts what is left: long polls, followed streams. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), CLOSE_DEADLINE_MS);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
