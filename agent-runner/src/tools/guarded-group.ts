import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import type { Readable, Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { systemErrorCode } from "../logging/system-error.ts";
import { killMarked, MARK_VARIABLE } from "./marked-processes.ts";

/** Between SIGTERM and SIGKILL. A cancelled tool has to be dead within a second, half of which the heartbeat may take. */
const TERM_GRACE_MS = 200;

/**
 * Runs a command, marked by $1, in the shell's place and beside a guard in the same group that bears no mark. The guard
 * reads from a pipe that the runner holds open and never writes to: when the runner dies, by whatever signal, the read
 * ends and the guard kills what is marked and the group. It hears no other signal than SIGKILL: a runner may die between
 * the two that end a group.
 */
const GUARDED = `mark=$1
shift
(
  trap '' HUP INT TERM
  read -r _
  for file in $(grep -lF "${MARK_VARIABLE}=$mark" /proc/[0-9]*/environ); do
    file=\${file%/environ}
    kill -KILL "\${file#/proc/}"
  done
  kill -KILL 0
) <&3 3<&- >/dev/null 2>&1 &
exec 3<&-
export ${MARK_VARIABLE}="$mark"
exec "$@"`;

export interface GuardedCommand {
  file: string;
  args: readonly string[];
  directory: string;
  /** The whole environment. */
  environment: Readonly<Record<string, string>>;
}

export interface GuardedGroup {
  /** Null when the command was started without one. */
  stdin: Writable | null;
  stdout: Readable;
  stderr: Readable;
  /** Rejects with the system's error when the command could not be started. */
  exit: Promise<{ code: number | null; exitSignal: NodeJS.Signals | null }>;
  /** Resolves when the command and all that holds its output open are gone. */
  closed: Promise<void>;
  /** SIGTERM, and SIGKILL to whatever is left after a short grace or the command's end, also of what left the group. */
  end(): Promise<void>;
  /** SIGKILL at once; the streams are closed. */
  destroy(): void;
}

/** Starts a command as the leader of a process group that does not outlive this process. */
export function startGuarded(command: GuardedCommand, { stdin }: { stdin: boolean }): GuardedGroup {
  const mark = randomUUID();
  const child = spawn("/bin/sh", ["-c", GUARDED, "sh", mark, command.file, ...command.args], {
    cwd: command.directory,
    env: { ...command.environment },
    detached: true,
    stdio: [stdin ? "pipe" : "ignore", "pipe", "pipe", "pipe"],
  });
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error("a piped stream is missing");
  // A guard that is killed resets the pipe; there is nothing to read from it.
  child.stdio[3]?.on("error", () => {});
  const exit: GuardedGroup["exit"] = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, exitSignal) => resolve({ code, exitSignal }));
  });
  return {
    stdin: child.stdin,
    stdout,
    stderr,
    exit,
    closed: new Promise((resolve) => child.once("close", () => resolve())),
    async end() {
      signalGroup(child, "SIGTERM");
      await Promise.race([exit.catch(() => null), delay(TERM_GRACE_MS)]);
      signalGroup(child, "SIGKILL");
      await killMarked(mark);
    },
    destroy() {
      signalGroup(child, "SIGKILL");
      for (const stream of child.stdio) stream?.destroy();
    },
  };
}

/** Until it is signalled the guard is in the group, so its number cannot have been given to another. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // ESRCH: nothing of the group is left. EPERM: what is left belongs to another user, as after sudo.
    const code = systemErrorCode(error);
    if (code !== "ESRCH" && code !== "EPERM") throw error;
  }
}
