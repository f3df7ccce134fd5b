import { readPidFile } from "../components/process/pid-file.ts";
import { AppError } from "../errors.ts";
import { prepareHome } from "../platform/directories.ts";
import { readOrCreateInstanceId } from "../platform/instance.ts";
import { clearDeadLock, withLock } from "../platform/lock.ts";
import { packageVersion } from "../platform/package.ts";
import { pollUntil } from "../platform/poll.ts";
import { terminate } from "../platform/terminate.ts";
import type { StackStatus } from "../stack/component.ts";
import { isServerGone } from "./client.ts";
import { type LaunchedServer, type LaunchOptions, launchServer } from "./launch.ts";
import { probeServer, type ServerHealth, type ServerProbe } from "./probe.ts";
import { RemoteStack } from "./remote-stack.ts";

export type StartOptions = Omit<LaunchOptions, "instance">;

const PROBE_TIMEOUT_MS = 2_000;
/** A recorded server that lives and does not answer may still be booting. */
const BOOT_TIMEOUT_MS = 5_000;
const LOCK_TIMEOUT_MS = 30_000;

/**
 * Brings the stack up: joins the server that runs, or launches one. Resolves once every component is ready.
 * @throws AppError, with everything that this call created gone again.
 */
export async function startStack(options: StartOptions): Promise<StackStatus> {
  const { paths, signal } = options;
  const running = await probeServer(paths, PROBE_TIMEOUT_MS);
  if (running.kind === "answers" && running.health.phase === "running") {
    const joined = await join(running, options).catch(rethrowUnlessStopping);
    if (joined !== null) {
      await clearDeadLock(paths.startLockFile); // Of a start that was killed once its server ran.
      return joined;
    }
  }
  await prepareHome(paths);
  const instance = await readOrCreateInstanceId(paths);
  const found = await withLock(paths.startLockFile, () => findOrLaunch(instance, options), {
    what: "the start of the stack",
    timeoutMs: LOCK_TIMEOUT_MS,
    signal,
  });
  return "started" in found ? found.started : join(found, options);
}

type Answering = Extract<ServerProbe, { kind: "answers" }>;

async function findOrLaunch(instance: string, options: StartOptions): Promise<LaunchedServer | Answering> {
  const { paths } = options;
  const probe = await settledProbe(options);
  if (probe !== null) return probe;
  const recorded = await readPidFile(paths.pidFile("stigmer-server"), instance);
  if (recorded.kind === "alive") {
    // Ours by proof, and not to be spoken to: whatever it was doing, it is in the way.
    options.onEvent({ type: "warning", message: `Ended server ${recorded.identity.pid}, which did not answer` });
    await terminate(recorded.identity, { graceMs: 1_000, group: false });
  }
  return launchServer({ ...options, instance });
}

/** A server that runs, once one that stops has ended and one that boots has come up; null when there is none. */
async function settledProbe({ paths, timeoutMs, signal }: StartOptions): Promise<Answering | null> {
  const file = paths.pidFile("stigmer-server");
  let waitMs = BOOT_TIMEOUT_MS;
  const startedMs = performance.now();
  for (;;) {
    const probe = await probeServer(paths, PROBE_TIMEOUT_MS);
    if (probe.kind === "answers") {
      if (probe.health.phase === "running") return probe;
      waitMs = timeoutMs;
      await waitForEnd(probe.health, { paths, timeoutMs, signal });
      continue;
    }
    const recorded = await readPidFile(file, null);
    if (recorded.kind !== "alive" || performance.now() - startedMs > waitMs) return null;
    await pollUntil({
      what: "the server to answer",
      probe: async () => (await probeServer(paths, PROBE_TIMEOUT_MS)).kind === "answers",
      timeoutMs: BOOT_TIMEOUT_MS,
      intervalMs: 50,
      signal,
    }).catch(() => signal.throwIfAborted()); // Not in time: the loop decides by what is there now.
  }
}

async function waitForEnd(
  health: ServerHealth,
  { paths, timeoutMs, signal }: Pick<StartOptions, "paths" | "timeoutMs" | "signal">,
): Promise<void> {
  await pollUntil({
    what: `server ${health.pid}, which is stopping, to end`,
    probe: async () => {
      const probe = await probeServer(paths, PROBE_TIMEOUT_MS);
      return probe.kind !== "answers" || probe.health.pid !== health.pid;
    },
    timeoutMs,
    intervalMs: 50,
    signal,
  });
}

async function join(probe: Answering, options: StartOptions): Promise<StackStatus> {
  requireSameVersion(probe.health);
  const detail = `pid ${probe.health.pid}`;
  options.onEvent({ type: "component.ready", component: "stigmer-server", durationMs: 0, detail, adopted: true });
  return new RemoteStack(probe.client).up(options);
}

/** A stop that began between the question and the start: it is waited for like any other. */
function rethrowUnlessStopping(error: unknown): null {
  const isStopping = isServerGone(error) || (error instanceof AppError && error.code === "START_IN_PROGRESS");
  if (!isStopping) throw error;
  return null;
}

function requireSameVersion(health: ServerHealth): void {
  const version = packageVersion();
  if (health.version === version) return;
  throw new AppError(
    "VERSION_MISMATCH",
    `The running server is version ${health.version}, this command is ${version}`,
    {
      hint: "Restart the stack with this version.",
      actions: [{ label: "Restart", command: "stigmer server restart" }],
    },
  );
}
