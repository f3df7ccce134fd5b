import type { ChildProcess, StdioOptions } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { AppError, systemErrorCode } from "../errors.ts";
import { toFileError } from "./file-error.ts";

export interface DetachedSpawn {
  /** Program and arguments; a program without a slash is looked up in the PATH of `env`. */
  argv: string[];
  /** The whole environment of the child: nothing is inherited. */
  env: Record<string, string>;
  cwd: string;
  /** Takes what the child writes to stdout and stderr, appended, created with mode 0600; null throws it away. */
  outputFile: string | null;
  /** Opens a channel for `process.send` in the child and "message" events here. */
  ipc: boolean;
}

/**
 * Starts a process in a session and group of its own, so that a terminal's Ctrl-C does not reach it and its whole group can be
 * ended. Neither it nor its channel keeps this process alive: whoever waits for a message holds a deadline's timer.
 *
 * It runs when this resolves, so `pid` is a number, and no event of it has been missed by listeners that are added at once.
 *
 * @throws AppError NOT_FOUND for a missing program or folder, PERMISSION_DENIED, INTERNAL when the system has no more processes
 *   (EAGAIN); as toFileError makes it when `outputFile` cannot be opened.
 */
export async function spawnDetached(options: DetachedSpawn): Promise<ChildProcess> {
  const { spawn } = await import("node:child_process");
  const { argv, env, cwd, outputFile, ipc } = options;
  const [program, ...args] = argv;
  if (program === undefined) throw new TypeError("argv needs a program");
  const output = outputFile === null ? null : openForAppend(outputFile);
  try {
    const stream = output ?? "ignore";
    const stdio: StdioOptions = ["ignore", stream, stream, ...(ipc ? (["ipc"] as const) : [])];
    const child = spawn(program, args, { cwd, env, stdio, detached: true });
    await started(child);
    child.unref();
    child.channel?.unref();
    return child;
  } catch (error) {
    throw toSpawnError(error, program, cwd);
  } finally {
    if (output !== null) closeSync(output); // The child has its own copy.
  }
}

function started(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("spawn", () => {
      child.off("error", reject);
      resolve();
    });
  });
}

function toSpawnError(error: unknown, program: string, cwd: string): AppError {
  const options = { detail: error instanceof Error ? error.message : null, cause: error };
  switch (systemErrorCode(error)) {
    case "ENOENT":
      // The kernel says the same of a missing folder to start in.
      return existsSync(cwd)
        ? new AppError("NOT_FOUND", `the program ${program} was not found`, options)
        : new AppError("NOT_FOUND", `${cwd}, the folder to start ${program} in, does not exist`, options);
    case "EACCES":
    case "EPERM":
      return new AppError("PERMISSION_DENIED", `${program} may not be run by this user`, options);
    case "EAGAIN":
    case "ENOMEM":
      return new AppError("INTERNAL", `the system has no room for one more process, so ${program} was not started`, {
        ...options,
        retryable: true,
        hint: "See the limits with: ulimit -u; free -m",
      });
    default:
      return new AppError("INTERNAL", `${program} cannot be started`, options);
  }
}

function openForAppend(path: string): number {
  try {
    return openSync(path, "a", 0o600);
  } catch (error) {
    throw toFileError(error, path);
  }
}
