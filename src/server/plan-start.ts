import { homedir } from "node:os";
import { desiredComponents, runnerEntryIn } from "../config/desired.ts";
import type { Settings } from "../config/settings.ts";
import { connectDocker } from "../docker/connect.ts";
import type { DockerEngine } from "../docker/engine.ts";
import { AppError } from "../errors.ts";
import { readTextIfExists } from "../platform/files.ts";
import { readInstanceId } from "../platform/instance.ts";
import { packageRoot } from "../platform/package.ts";
import type { HomePaths } from "../platform/paths.ts";
import { formatPlan } from "../stack/plan.ts";
import { reconcile } from "../stack/reconcile.ts";
import { observeStack } from "../supervisor/observe.ts";
import { scopeOf } from "./create-supervisor.ts";
import { lookAtDockerRunner } from "./docker-runner-facts.ts";
import { readEngineFacts } from "./engine-facts.ts";
import { probeServer } from "./probe.ts";

/** Stands in for a home that has no instance yet: the plan of a first start names nothing by it. */
const NO_INSTANCE = "00000000-0000-0000-0000-000000000000";
const PROBE_TIMEOUT_MS = 2_000;

/** What a start would do, one line an operation. Changes nothing, not even the home. @throws AppError DOCKER_*. */
export async function planStart(options: {
  paths: HomePaths;
  settings: Settings;
  env: NodeJS.ProcessEnv;
}): Promise<string[]> {
  const { paths, settings, env } = options;
  const instance = (await readInstanceId(paths)) ?? NO_INSTANCE;
  const usesDocker = settings.agentRunner.runtime === "docker";
  const engine = usesDocker ? await connectDocker({ env, homeDir: homedir() }) : null;
  const dockerRunner = await lookAtDockerRunner({ settings, paths, env });
  const asked = engine ?? (dockerRunner === null ? null : await tryToConnect(env));
  const engineFacts = asked === null ? null : await readEngineFacts(asked, settings);
  const recordedPort = Number((await readTextIfExists(paths.portFile))?.trim() ?? "0");
  const desired = desiredComponents({
    settings,
    paths,
    instance,
    port: settings.server.port || recordedPort,
    flavour: engineFacts?.flavour ?? null,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    nodePath: process.execPath,
    runnerEntry: runnerEntryIn(packageRoot()),
    dockerRunner: dockerRunner && { ...dockerRunner, cpus: engineFacts?.cpus ?? dockerRunner.cpus },
    logLevel: "info",
  });
  const observed = await observeStack({
    paths,
    instance,
    scope: scopeOf(settings, paths, instance),
    docker: engine === null ? { unavailable: "Docker is not needed" } : { engine },
  });
  const plan = reconcile(desired, observed, { kind: "up", replaceOutdatedImage: false });
  const probe = await probeServer(paths, PROBE_TIMEOUT_MS);
  const server =
    probe.kind === "answers" ? `stigmer-server: keep process ${probe.health.pid}` : "stigmer-server: start a process";
  return [server, ...formatPlan(plan)];
}

/** docker-runner starts without Docker, too; only its limits depend on the engine. */
async function tryToConnect(env: NodeJS.ProcessEnv): Promise<DockerEngine | null> {
  try {
    return await connectDocker({ env, homeDir: homedir() });
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}
