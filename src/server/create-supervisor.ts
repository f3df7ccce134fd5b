import { existsSync } from "node:fs";
import { chown } from "node:fs/promises";
import { homedir } from "node:os";
import type { Logger } from "@stigmer/agent-runner/logging";
import { containerName, containerUser, desiredComponents, runnerEntryIn } from "../config/desired.ts";
import { type DockerRunnerFacts, runnerIdOf } from "../config/docker-runner.ts";
import type { Settings } from "../config/settings.ts";
import { connectDocker } from "../docker/connect.ts";
import { LABEL } from "../docker/labels.ts";
import type { RunnerRegistry } from "../engine/engine.ts";
import { requireImage } from "../image/status.ts";
import { cleanEnvironment } from "../platform/clean-environment.ts";
import { systemClock } from "../platform/clock.ts";
import { packageRoot } from "../platform/package.ts";
import type { HomePaths } from "../platform/paths.ts";
import type { ComponentName, ProcessStatus } from "../stack/component.ts";
import type { EngineFacts } from "../supervisor/deps.ts";
import { DockerLink } from "../supervisor/docker-link.ts";
import { Launcher } from "../supervisor/launcher.ts";
import { Supervisor } from "../supervisor/supervisor.ts";
import { checkEngine } from "./check-engine.ts";
import { readEngineFacts } from "./engine-facts.ts";
import type { LaunchOrder } from "./launch-order.ts";
import { containerLogTail, processLogTail } from "./log-tail.ts";
import { restartsFile } from "./server-files.ts";

export interface SupervisorFacts {
  paths: HomePaths;
  order: LaunchOrder;
  instance: string;
  version: string;
  token: string;
  startedAt: string;
  /** Where the API listens, once it does. */
  port: () => number;
  /** Once its port is known; null when it is not enabled. */
  dockerRunner: () => DockerRunnerFacts | null;
  registry: RunnerRegistry;
  logger: Logger;
}

/** A start must have said what is wrong with Docker within 5 s, its own work included (product.md §13). */
const DOCKER_DECISION_MS = 3_000;

/** Builds the supervisor of a real server: real processes, the real engine, this user's home. */
export function createSupervisor(facts: SupervisorFacts): Supervisor {
  const { paths, order, instance, version, logger, port } = facts;
  const { settings } = order;
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  const docker = linkDocker(`${LABEL.instance}=${instance}`);
  const runnerId = runnerIdOf(instance);
  const scope = scopeOf(settings, paths, instance);
  return new Supervisor(
    {
      paths,
      instance,
      version,
      clock: systemClock,
      random: Math.random,
      registry: facts.registry,
      docker,
      runnerDocker: settings.dockerRunner.enabled
        ? { link: linkDocker(`${LABEL.runner}=${runnerId}`), runnerId }
        : null,
      launcher: new Launcher({
        paths,
        instance,
        version,
        token: facts.token,
        baseEnvironment: baseEnvironment(order),
        warn: (message) => logger.warn(message),
      }),
      scope,
      needsDocker: () => settings.agentRunner.runtime === "docker" || existsSync(paths.containerIdFile),
      desired: (engine) =>
        desiredComponents({
          settings,
          paths,
          instance,
          port: port(),
          flavour: engine?.flavour ?? null,
          uid,
          gid,
          nodePath: process.execPath,
          runnerEntry: runnerEntryIn(packageRoot()),
          dockerRunner: dockerRunnerOn(engine),
          logLevel: order.logLevel,
        }),
      engineFacts: (engine) => readEngineFacts(engine, settings),
      checkEngine: async (engine) => {
        await Promise.all([
          checkEngine(engine, settings),
          giveWorkspace(settings, paths, containerUser(uid, gid), uid),
        ]);
      },
      requireImage: async (engine) => (await requireImage({ engine, reference: settings.agentRunner.image })).warnings,
      logTail: (component, lines) => logTail(component, lines),
      serverStatus: () => serverStatus(),
      log: logger,
    },
    restartsFile(paths),
  );

  function dockerRunnerOn(engine: EngineFacts | null): DockerRunnerFacts | null {
    const known = facts.dockerRunner();
    return known === null || engine === null ? known : { ...known, cpus: engine.cpus };
  }

  async function logTail(component: ComponentName, lines: number): Promise<string[]> {
    if (component !== "agent-runner" || settings.agentRunner.runtime === "process") {
      return processLogTail(paths.logFile(component), lines);
    }
    const engine = await docker.engine(AbortSignal.timeout(DOCKER_DECISION_MS));
    const container = await engine.inspectContainer(scope.containerName ?? "");
    return container === null ? [] : containerLogTail(engine, container.id, lines);
  }

  function serverStatus(): ProcessStatus {
    return {
      name: "stigmer-server",
      runtime: "process",
      state: "ready",
      pid: process.pid,
      startedAt: facts.startedAt,
      restarts: 0,
      nextRetryAt: null,
      lastExit: null,
      message: null,
      endpoint: `http://${settings.server.host}:${port()}`,
    };
  }
}

function linkDocker(label: string): DockerLink {
  return new DockerLink({
    connect: (signal) => connectDocker({ env: process.env, homeDir: homedir(), timeoutMs: DOCKER_DECISION_MS, signal }),
    label,
    clock: systemClock,
  });
}

/** Which containers concern this home. */
export function scopeOf(
  settings: Settings,
  paths: HomePaths,
  instance: string,
): { instance: string; containerName: string | null; image: string } {
  const usesContainer = settings.agentRunner.runtime === "docker";
  return {
    instance,
    containerName: usesContainer ? containerName(settings, paths.home, instance) : null,
    image: settings.agentRunner.image,
  };
}

/** root's container runs as a user of its own: the default workspace's top level is given to it, nothing else. */
async function giveWorkspace(settings: Settings, paths: HomePaths, user: string, uid: number): Promise<void> {
  if (uid !== 0 || settings.agentRunner.workspace !== null) return;
  const [owner, group] = user.split(":").map(Number);
  await chown(paths.workspaceDir, owner ?? 0, group ?? 0);
}

function baseEnvironment(order: LaunchOrder): Record<string, string> {
  const environment = cleanEnvironment(process.env);
  if (order.caFile !== null) environment["NODE_EXTRA_CA_CERTS"] = order.caFile;
  return environment;
}
