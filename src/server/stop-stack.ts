import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { readPidFile } from "../components/process/pid-file.ts";
import { connectDocker } from "../docker/connect.ts";
import { AppError } from "../errors.ts";
import { readInstanceId } from "../platform/instance.ts";
import { clearDeadLock, withLock } from "../platform/lock.ts";
import type { HomePaths } from "../platform/paths.ts";
import { pollUntil } from "../platform/poll.ts";
import { identify, isAliveSync } from "../platform/process-identity.ts";
import { removeLeftovers } from "../platform/temporary-file.ts";
import { terminate } from "../platform/terminate.ts";
import type { StackEvent, StopReport } from "../stack/events.ts";
import type { Observed } from "../stack/observed.ts";
import { reconcile } from "../stack/reconcile.ts";
import { executeRemoval } from "../supervisor/execute-removal.ts";
import { type DockerForStop, observeForStop } from "../supervisor/observe-for-stop.ts";
import { isServerGone } from "./client.ts";
import { probeServer, type ServerProbe } from "./probe.ts";
import { RemoteStack } from "./remote-stack.ts";
import { removeServerFiles } from "./server-files.ts";

export interface StopOptions {
  paths: HomePaths;
  env: NodeJS.ProcessEnv;
  graceMs: number;
  force: boolean;
  /** Aborting ends the grace: kill now. */
  forceSignal: AbortSignal;
  onEvent: (event: StackEvent) => void;
}

const NOTHING: StopReport = { stopped: [], killed: [] };
const PROBE_TIMEOUT_MS = 2_000;
/** After everything else is down the server itself only closes files. */
const SERVER_END_TIMEOUT_MS = 10_000;
const LOCK_TIMEOUT_MS = 30_000;
const DOCKER_DECISION_MS = 3_000;

/**
 * Ends the whole stack, whether its server lives, hangs or is dead, and whatever state its files are in. A stack that a
 * start brings up anew meanwhile is left alone.
 * @throws AppError STOP_TIMEOUT; DOCKER_* when a recorded container could not be reached, the processes being gone.
 */
export async function stopStack(options: StopOptions): Promise<StopReport> {
  const report = await endStack(options);
  await clearAfterKilled(options.paths);
  return report;
}

async function endStack(options: StopOptions): Promise<StopReport> {
  const instance = await readInstanceId(options.paths);
  if (instance === null) return NOTHING;
  const probe = await probeServer(options.paths, PROBE_TIMEOUT_MS);
  if (probe.kind === "answers") {
    const report = await askDown(probe, options);
    if (report !== null) return report;
  }
  return sweepAlone(instance, options);
}

/** Under the start lock, unless nobody can take it: on a full disk or a read-only one no start is in the way either. */
async function sweepAlone(instance: string, options: StopOptions): Promise<StopReport> {
  const lock = {
    what: "the stop of the stack",
    timeoutMs: LOCK_TIMEOUT_MS,
    signal: new AbortController().signal,
  };
  let isLocked = false;
  const work = (): Promise<StopReport> => {
    isLocked = true;
    return sweep(instance, options);
  };
  try {
    return await withLock(options.paths.startLockFile, work, lock);
  } catch (error) {
    const cannotWrite = error instanceof AppError && (error.code === "DISK_FULL" || error.code === "PERMISSION_DENIED");
    if (isLocked || !cannotWrite) throw error;
    return sweep(instance, options);
  }
}

/** What stop would do, without doing it. */
export async function planStop(options: Omit<StopOptions, "forceSignal" | "onEvent" | "graceMs" | "force">): Promise<{
  observed: Observed | null;
  server: number | null;
}> {
  const instance = await readInstanceId(options.paths);
  if (instance === null) return { observed: null, server: null };
  const recorded = await readPidFile(options.paths.pidFile("stigmer-server"), instance);
  const { observed } = await observe(instance, options);
  return { observed, server: recorded.kind === "alive" ? recorded.identity.pid : null };
}

/** Null when the server died in the middle: what is left is swept up without it. */
async function askDown(
  probe: Extract<ServerProbe, { kind: "answers" }>,
  options: StopOptions,
): Promise<StopReport | null> {
  const { graceMs, force, forceSignal, onEvent } = options;
  const server = await identify(probe.health.pid);
  const stack = new RemoteStack(probe.client);
  const never = new AbortController().signal;
  const down = (forced: boolean): Promise<StopReport> =>
    stack.down({ component: null, graceMs, force: forced, signal: never, onEvent: forced ? () => {} : onEvent });
  const escalate = (): void => {
    // Its result is that of the stop it hurries; a server that is gone has nothing to hurry.
    down(true).catch(() => {});
  };
  forceSignal.addEventListener("abort", escalate, { once: true });
  try {
    onEvent({ type: "component.stopping", component: "stigmer-server" });
    const startedMs = performance.now();
    const report = await stack.down({ component: null, graceMs, force, signal: never, onEvent });
    if (server !== null) {
      await pollUntil({
        what: `server ${server.pid} to end`,
        probe: async () => !isAliveSync(server),
        timeoutMs: SERVER_END_TIMEOUT_MS,
        intervalMs: 5,
      });
    }
    const durationMs = Math.round(performance.now() - startedMs);
    onEvent({ type: "component.stopped", component: "stigmer-server", durationMs, killed: false });
    return { stopped: [...report.stopped, "stigmer-server"], killed: report.killed };
  } catch (error) {
    if (isServerGone(error)) return null;
    throw error;
  } finally {
    forceSignal.removeEventListener("abort", escalate);
  }
}

/** What commands left that were killed in the middle of a write or holding the lock. */
async function clearAfterKilled({ dataDir, runDir, logsDir, startLockFile }: HomePaths): Promise<void> {
  for (const directory of [dataDir, runDir, logsDir]) {
    if (existsSync(directory)) await removeLeftovers(directory);
  }
  if (existsSync(runDir)) await clearDeadLock(startLockFile);
}

/** Stop without a server: the same observation, the same plan, the same cleanup as the server's own. */
async function sweep(instance: string, options: StopOptions): Promise<StopReport> {
  const { paths, graceMs, force, forceSignal, onEvent } = options;
  const again = await probeServer(paths, PROBE_TIMEOUT_MS);
  // Started anew while this stop waited: that stack is somebody's who wants it.
  if (again.kind === "answers" && again.health.phase === "running") return NOTHING;
  const report: StopReport = { stopped: [], killed: [] };
  const recorded = await readPidFile(paths.pidFile("stigmer-server"), instance);
  if (recorded.kind === "alive") {
    // First of all, so that nothing is started again behind our back.
    const { killed } = await terminate(recorded.identity, { graceMs: 2_000, group: false });
    report.stopped.push("stigmer-server");
    if (killed) report.killed.push("stigmer-server");
  } else if (recorded.kind === "stranger") {
    onEvent({
      type: "warning",
      message: `daemon.pid named process ${recorded.pid}, which is not ours (${recorded.detail}); it was left alone`,
    });
  }
  const { observed, docker } = await observe(instance, options);
  const plan = reconcile([], observed, { kind: "down" });
  for (const message of plan.warnings) onEvent({ type: "warning", message });
  const ended = await executeRemoval(plan.recovery, {
    paths,
    instance,
    engine: docker.engine,
    graceMs: force ? 0 : graceMs,
    forceSignal,
    onEvent,
  });
  const dockerIsMissed = docker.error !== null && observed.containerIdFile.kind === "id";
  await removeServerFiles(paths, { keepGrant: dockerIsMissed });
  if (dockerIsMissed) throw docker.error;
  return { stopped: [...report.stopped, ...ended.stopped], killed: [...report.killed, ...ended.killed] };
}

async function observe(
  instance: string,
  { paths, env }: Pick<StopOptions, "paths" | "env">,
): Promise<{ observed: Observed; docker: DockerForStop }> {
  // By labels alone: a stop needs no configuration, whose damage must not keep a stack from being stopped.
  const scope = { instance, containerName: null, image: null };
  return observeForStop({ paths, instance, scope }, await findDocker(env));
}

async function findDocker(env: NodeJS.ProcessEnv): Promise<DockerForStop> {
  try {
    const engine = await connectDocker({ env, homeDir: homedir(), timeoutMs: DOCKER_DECISION_MS });
    return { engine, error: null };
  } catch (error) {
    return { engine: null, error }; // Matters only if a container is known to exist; the caller sees.
  }
}
