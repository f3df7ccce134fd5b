import { DockerRequestError } from "../../docker/engine.ts";
import type { OutputStream } from "../../docker/log-frames.ts";
import type { RunnerEngine } from "../../docker/runner-engine.ts";
import { ApiError } from "../api-error.ts";
import { CappedOutput } from "./capped-output.ts";
import { type Command, createMarkedExec, type MarkedExec } from "./command.ts";
import { readExitCode } from "./exit-code.ts";
import { LogCopy } from "./log-copy.ts";
import { readOutput } from "./read-output.ts";
import { ExecTimers } from "./timers.ts";

export interface RunRequest extends Command {
  containerId: string;
  timeoutMs?: number | undefined;
  idleTimeoutMs?: number | undefined;
  killOnTimeout?: boolean | undefined;
  logToPid1?: boolean | undefined;
}

export interface RunContext {
  engine: RunnerEngine;
  kill(exec: MarkedExec): Promise<boolean>;
}

export interface ExecAnswer {
  stdout: string;
  stderr: string;
  exitCode: number;
  /** Bytes of each stream that were not kept. */
  dropped: { stdout: number; stderr: number };
  /** Only when it was asked for: whether the output is in the container's log as well. */
  loggedToPid1?: boolean;
}

/**
 * Runs a command to its end or to a limit.
 *
 * @param gone aborted when nobody waits for the answer any more: the command is killed then.
 * @throws ApiError exec_timeout or exec_idle_timeout (408) with the output so far; `gone`'s reason.
 */
export async function runExec(
  { engine, kill }: RunContext,
  request: RunRequest,
  gone: AbortSignal,
): Promise<ExecAnswer> {
  const exec = await createMarkedExec(engine, request.containerId, request, { stdin: false });
  const output = { stdout: new CappedOutput(), stderr: new CappedOutput() };
  const timers = new ExecTimers(request, gone);
  const copy = request.logToPid1 === true ? await LogCopy.open(engine, request.containerId, timers.signal) : null;
  try {
    const early = await start(engine, exec, timers, async (stream, bytes) => {
      timers.sawOutput();
      output[stream].add(bytes);
      await copy?.write(stream, bytes);
    });
    if (early !== null) return { ...readAll(output), ...early };
    timers.end();
    const exitCode = await readExitCode(engine, exec.id);
    const logged = copy === null ? {} : { loggedToPid1: await copy.finish() };
    return { ...readAll(output), exitCode, ...logged };
  } catch (error) {
    if (!timers.signal.aborted) throw error;
    const isGone = gone.aborted;
    const killed = isGone || request.killOnTimeout === true ? await kill(exec) : null;
    if (isGone) throw gone.reason;
    throw expired(timers.signal.reason, { ...readAll(output), ...(killed === null ? {} : { killed }) });
  } finally {
    timers.end();
    copy?.close();
  }
}

/** @returns what a command came to that could not be started at all; null for one that ran and ended. */
async function start(
  engine: RunnerEngine,
  { id, tty }: MarkedExec,
  timers: ExecTimers,
  onBytes: (stream: OutputStream, bytes: Buffer) => Promise<void>,
): Promise<Pick<ExecAnswer, "exitCode" | "stderr"> | null> {
  try {
    await readOutput(await engine.startExec(id, { tty, signal: timers.signal }), { tty }, onBytes);
    return null;
  } catch (error) {
    const exitCode = exitCodeOfFailedStart(error);
    if (exitCode === null) throw error;
    return { exitCode, stderr: error instanceof Error ? error.message : "" };
  }
}

/** Newer engines refuse a start whose program is missing, older ones end it with the code that a shell would give. */
export function exitCodeOfFailedStart(error: unknown): 126 | 127 | null {
  if (!(error instanceof DockerRequestError) || ![400, 500].includes(error.statusCode)) return null;
  if (/permission denied|is a directory|exec format error/i.test(error.message)) return 126;
  return /executable file not found|no such file or directory/i.test(error.message) ? 127 : null;
}

function readAll(output: Record<OutputStream, CappedOutput>): Pick<ExecAnswer, "stdout" | "stderr" | "dropped"> {
  const [stdout, stderr] = [output.stdout.read(), output.stderr.read()];
  return {
    stdout: stdout.text,
    stderr: stderr.text,
    dropped: { stdout: stdout.droppedBytes, stderr: stderr.droppedBytes },
  };
}

function expired(reason: unknown, details: object): unknown {
  return reason instanceof ApiError
    ? new ApiError(reason.statusCode, reason.code, reason.message, { details })
    : reason;
}
