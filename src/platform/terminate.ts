import { AppError, systemErrorCode } from "../errors.ts";
import { sleep } from "./clock.ts";
import { isGroupGone, isGroupOurs } from "./process-group.ts";
import { describeProcess, isAlive, type ProcessIdentity } from "./process-identity.ts";

export interface TerminateOptions {
  /** Between SIGTERM and SIGKILL. 0 kills at once. */
  graceMs: number;
  /** Ends the process group that this process leads as well, and waits for all of it. A process that leads none is ended alone. */
  group: boolean;
  /**
   * The home's UUID. Only with it can a group whose leader is gone already be proven ours (STIGMER_INSTANCE in the environment
   * of a member); without it, such a group is left alone.
   */
  instance?: string | undefined;
  /** Aborting ends the wait with the signal's reason; what was signalled until then stays signalled. */
  signal?: AbortSignal | undefined;
  /** Called before SIGKILL is sent. */
  onKill?: (() => void) | undefined;
}

/**
 * Ends a process, child of ours or not: SIGTERM, the grace, SIGKILL, and the proof that it is gone. Before every signal the
 * identity is compared again, so a recycled PID is not signalled: what has another start time counts as gone.
 *
 * @returns `killed`: whether SIGKILL was needed. False as well when nothing was left to end.
 * @throws AppError STOP_TIMEOUT when something survives SIGKILL (a process stuck in the kernel); PERMISSION_DENIED when it
 *   is another user's; `signal.reason` when aborted.
 */
export async function terminate(identity: ProcessIdentity, options: TerminateOptions): Promise<{ killed: boolean }> {
  options.signal?.throwIfAborted();
  const target = await findTarget(identity, options);
  if (options.graceMs > 0) {
    if (!(await target.signal("SIGTERM"))) return { killed: false };
    // A stopped process (Ctrl-Z, a debugger) sees SIGTERM only once it goes on.
    await target.signal("SIGCONT");
    if (await waitUntilGone(target, options.graceMs, options.signal)) return { killed: false };
  } else if (await target.isGone()) {
    return { killed: false };
  }
  options.onKill?.();
  await target.signal("SIGKILL");
  if (await waitUntilGone(target, KILL_DEADLINE_MS, options.signal)) return { killed: true };
  throw await survived(identity.pid);
}

/** SIGKILL takes effect at the next return from the kernel; only a process stuck in a device or a dead mount needs longer. */
const KILL_DEADLINE_MS = 5000;
const FIRST_LOOK_MS = 5;
const LAST_LOOK_MS = 50;

/** Something to end: one process, or a group. */
interface Target {
  isGone(): Promise<boolean>;
  /** False when there is nothing left to signal. */
  signal(name: NodeJS.Signals): Promise<boolean>;
}

async function findTarget(identity: ProcessIdentity, { group, instance }: TerminateOptions): Promise<Target> {
  const isGroup = group && (await isGroupOurs(identity, instance ?? null));
  const isGone = isGroup ? () => isGroupGone(identity) : async () => !(await isAlive(identity));
  const address = isGroup ? -identity.pid : identity.pid;
  return { isGone, signal: async (name) => !(await isGone()) && send(address, identity.pid, name) };
}

/** Nothing tells of the end of a process that is not a child, so it is looked for: soon at first, then less often. */
async function waitUntilGone(target: Target, timeoutMs: number, signal: AbortSignal | undefined): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (let delayMs = FIRST_LOOK_MS; ; delayMs = Math.min(delayMs * 1.5, LAST_LOOK_MS)) {
    if (await target.isGone()) return true;
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) return false;
    await sleep(Math.min(delayMs, leftMs), { signal });
  }
}

function send(target: number, pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(target, name);
  } catch (error) {
    if (systemErrorCode(error) === "ESRCH") return false;
    throw new AppError("PERMISSION_DENIED", `process ${pid} belongs to another user and cannot be ended`, {
      hint: `End it as its owner, or with: sudo kill ${pid}`,
      actions: [{ label: "See whose it is", command: `ps -o user,pid,args -p ${pid}` }],
      cause: error,
    });
  }
}

async function survived(pid: number): Promise<AppError> {
  const description = await describeProcess(pid);
  const seconds = KILL_DEADLINE_MS / 1000;
  return new AppError("STOP_TIMEOUT", `process ${pid} or one of its group is still there ${seconds} s after SIGKILL`, {
    detail: description === null ? null : description.command,
    hint: "It is stuck in the kernel, often on a disk or a network mount that does not answer",
    actions: [{ label: "See where it is stuck", command: `ps -o pid,pgid,stat,wchan:30,args -g ${pid}` }],
  });
}
