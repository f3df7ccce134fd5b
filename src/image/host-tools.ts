import { AppError } from "../errors.ts";
import { isDiskFull, lastLines } from "./failure-text.ts";

export interface ToolOptions {
  cwd: string;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** Deadline of this one call. */
  timeoutMs: number;
}

/**
 * Runs one of the host's programs to its end and returns its stdout.
 *
 * @throws AppError IMAGE_BUILD_FAILED with the program's last lines, DISK_FULL, or the signal's reason.
 */
export async function runTool(command: string, args: readonly string[], options: ToolOptions): Promise<string> {
  const { execa } = await import("execa");
  const result = await execa(command, args, {
    cwd: options.cwd,
    // Their messages are read (a full disk, a missing package), so they must not be translated.
    env: { ...options.env, LC_ALL: "C" },
    extendEnv: false,
    stdin: "ignore",
    cancelSignal: options.signal,
    timeout: options.timeoutMs,
    reject: false,
  });
  if (!result.failed) return result.stdout;
  options.signal.throwIfAborted();
  throw toolFailure(command, args, { ...result, cause: result.cause ?? result.originalMessage });
}

/** Whether a program of this name is on the PATH of `env`. */
export async function hasTool(command: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  const { access, constants } = await import("node:fs/promises");
  const { delimiter, join } = await import("node:path");
  for (const directory of (env["PATH"] ?? "").split(delimiter)) {
    if (directory === "") continue;
    const executable = await access(join(directory, command), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable) return true;
  }
  return false;
}

interface FailedRun {
  stderr: string;
  stdout: string;
  timedOut: boolean;
  code?: string | undefined;
  exitCode?: number | undefined;
  cause: unknown;
}

function toolFailure(command: string, args: readonly string[], run: FailedRun): AppError {
  const shown = [command, ...args].join(" ");
  const said = lastLines(run.stderr === "" ? run.stdout : run.stderr);
  if (isDiskFull(said)) {
    return new AppError("DISK_FULL", `The disk is full: ${command} could not write`, {
      detail: said,
      cause: run.cause,
    });
  }
  const ending = run.timedOut
    ? "did not end in time"
    : run.exitCode === undefined
      ? `could not be run (${run.code ?? "unknown cause"})`
      : `ended with exit code ${run.exitCode}`;
  return new AppError("IMAGE_BUILD_FAILED", `The local base image could not be assembled: ${command} ${ending}`, {
    detail: said === "" ? shown : `${shown}\n${said}`,
    hint: "Use a base image that Docker can reach: stigmer image build --base IMAGE",
    actions: [{ label: "Build on another base", command: "stigmer image build --base IMAGE" }],
    cause: run.cause,
  });
}
