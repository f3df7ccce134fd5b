import type { RunnerEngine } from "../../docker/runner-engine.ts";
import { pollUntil } from "../../platform/poll.ts";
import type { MarkedExec } from "./command.ts";
import { readExitCode } from "./exit-code.ts";
import { readInnerPid } from "./inner-pid.ts";

/** Builtins of a POSIX shell alone: an image need not have ps, grep or kill. */
const SCRIPT = `
mark=$1 signal=$2 rounds=$3 leader=$4

marked() {
  while IFS= read -r text || [ -n "$text" ]; do
    case $text in *"$mark"*) return 0 ;; esac
  done < "$1/environ"
  return 1
}

# Fields of /proc/PID/stat from the state on; the name before them may hold anything.
fields() {
  while IFS= read -r line || [ -n "$line" ]; do last=$line; done < "$1/stat"
  set -- \${last##*) }
  state=$1 session=$4
}

found=1
while [ "$rounds" -gt 0 ]; do
  rounds=$((rounds - 1)) sessions=" $leader " known=" " pids=
  for path in /proc/[0-9]*; do
    if marked "$path" && fields "$path" && [ "$state" != Z ]; then
      sessions="$sessions$session " known="$known\${path#/proc/} "
    fi
  done
  for path in /proc/[0-9]*; do
    fields "$path" && [ "$state" != Z ] || continue
    case $sessions in *" $session "*) pids="$pids \${path#/proc/}"; continue ;; esac
    case $known in *" \${path#/proc/} "*) pids="$pids \${path#/proc/}" ;; esac
  done
  [ -n "$pids" ] || exit 0
  for pid in $pids; do kill -s "$signal" "$pid" && found=0; done
done
[ "$signal" != KILL ] || exit 1
exit "$found"
`;

/** What is killed may fork until it is dead; after so many looks it counts as not killed. */
const KILL_ROUNDS = 50;
const DEADLINE_MS = 10_000;
const AGAIN_MS = 100;

export type SignalEngine = Pick<RunnerEngine, "createExec" | "startExec" | "inspectExec">;

/**
 * Kills whatever an exec has started: its session and everything that carries its mark. A second exec of the same user
 * looks for them, for which the container needs /bin/sh.
 *
 * @returns whether nothing of it runs any more.
 */
export async function killExec(engine: SignalEngine, exec: MarkedExec): Promise<boolean> {
  try {
    await pollUntil({
      what: "the end of an exec that was killed",
      timeoutMs: DEADLINE_MS,
      intervalMs: AGAIN_MS,
      async probe() {
        const exitCode = await runScript(engine, exec, "KILL", KILL_ROUNDS);
        if (exitCode !== 0) throw new Error(`the script ended with ${exitCode}`);
        // It may not have begun when the script looked.
        return !(await engine.inspectExec(exec.id)).Running;
      },
    });
    return true;
  } catch {
    return false; // The container is gone, has no shell, or the engine went away: nothing was proved.
  }
}

/** Sends a signal, without the prefix SIG, once. @returns whether anybody got it. */
export async function signalExec(engine: SignalEngine, exec: MarkedExec, signal: string): Promise<boolean> {
  return (await runScript(engine, exec, signal, 1)) === 0;
}

async function runScript(engine: SignalEngine, exec: MarkedExec, signal: string, rounds: number): Promise<number> {
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  // The leader of the session is found even when it took the mark out of its environment.
  const { Pid, Running } = await engine.inspectExec(exec.id);
  const leader = Running ? await readInnerPid(Pid, exec.containerId) : null;
  const id = await engine.createExec(exec.containerId, {
    Cmd: ["/bin/sh", "-c", SCRIPT, "sh", exec.mark, signal, String(rounds), leader ?? ""],
    AttachStdout: true,
    AttachStderr: true,
  });
  for await (const _ of await engine.startExec(id, { tty: false, signal: deadline })) {
    // Complaints about processes that ended meanwhile.
  }
  return readExitCode(engine, id);
}
