import { setTimeout as delay } from "node:timers/promises";
import { type BoundedBuffer, createBoundedBuffer } from "./bounded-text.ts";
import { type GuardedCommand, startGuarded } from "./guarded-group.ts";

/** A child that left the group may hold the output open after the command ended; it is not waited for longer. */
const OUTPUT_GRACE_MS = 200;

export interface GroupCommand extends GuardedCommand {
  limitMs: number;
  outputLimitBytes: number;
  signal: AbortSignal;
}

export interface GroupResult {
  code: number | null;
  exitSignal: NodeJS.Signals | null;
  /** It was ended because `limitMs` passed. */
  overTime: boolean;
  stdout: BoundedBuffer;
  stderr: BoundedBuffer;
}

/**
 * Runs a command in a process group of its own. Whatever of the group is left is killed when the command ends, its time
 * is up, the signal is aborted or this process dies: nothing that a model started stays behind.
 * @throws the signal's reason once the group is dead, or the system's error when the command cannot be started.
 */
export async function runInGroup({
  limitMs,
  outputLimitBytes,
  signal,
  ...command
}: GroupCommand): Promise<GroupResult> {
  if (signal.aborted) throw signal.reason;
  const group = startGuarded(command, { stdin: false });
  const stdout = gather(group.stdout, outputLimitBytes);
  const stderr = gather(group.stderr, outputLimitBytes);
  let overTime = false;
  let ending: Promise<void> = Promise.resolve();
  const end = () => {
    ending = group.end();
  };
  const timer = setTimeout(() => {
    overTime = true;
    end();
  }, limitMs);
  signal.addEventListener("abort", end, { once: true });
  try {
    const { code, exitSignal } = await group.exit;
    await ending;
    if (signal.aborted) throw signal.reason;
    await group.end();
    await Promise.race([group.closed, delay(OUTPUT_GRACE_MS, undefined, { ref: false })]);
    return { code, exitSignal, overTime, stdout, stderr };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
    group.destroy();
  }
}

function gather(stream: NodeJS.ReadableStream, limitBytes: number): BoundedBuffer {
  const buffer = createBoundedBuffer(limitBytes);
  stream.on("data", (chunk: Buffer) => buffer.push(chunk));
  return buffer;
}
