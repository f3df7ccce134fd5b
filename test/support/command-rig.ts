import { Readable } from "node:stream";
import type { CommandContext, CommandHandler, CommandResult } from "../../src/cli/context.ts";
import { AppError } from "../../src/errors.ts";
import { type HomePaths, homePaths } from "../../src/platform/paths.ts";

export interface CommandRun {
  stdout: string;
  stderr: string;
  result: CommandResult | null;
  /** What the handler threw, when that was an AppError. */
  error: AppError | null;
}

export interface CommandRigOptions {
  paths?: HomePaths;
  cwd?: string;
  json?: boolean;
  stdin?: string;
  /** Stderr is a terminal. */
  terminal?: boolean;
  /** Aborted: the first signal. */
  signal?: AbortSignal;
  /** Called with all that was written so far, after every write. */
  onWrite?: (stdout: string, stderr: string) => void;
}

/** Runs a command's handler as the CLI would, and keeps what it wrote. */
export async function runHandler<Options>(
  handle: CommandHandler<Options>,
  options: Options,
  rig: CommandRigOptions = {},
): Promise<CommandRun> {
  const run: CommandRun = { stdout: "", stderr: "", result: null, error: null };
  const output = (name: "stdout" | "stderr"): CommandContext["stdout"] => ({
    isTTY: name === "stderr" && rig.terminal === true,
    columns: 80,
    write(text) {
      run[name] += String(text);
      rig.onWrite?.(run.stdout, run.stderr);
      return true;
    },
    drained: async () => {},
  });
  const stderr = output("stderr");
  const json = rig.json ?? false;
  const context: CommandContext = {
    globals: { home: undefined, json, quiet: false, debug: false, color: false },
    paths: rig.paths ?? homePaths("/nonexistent/home"),
    env: {},
    cwd: rig.cwd ?? "/",
    stdin: Readable.from([rig.stdin ?? ""]),
    stdout: output("stdout"),
    stderr,
    signal: rig.signal ?? new AbortController().signal,
    forceSignal: new AbortController().signal,
    warn: (sentence) => stderr.write(`Warning: ${sentence}\n`),
    progress: (line) => {
      if (!json) stderr.write(`${line}\n`);
    },
  };
  try {
    run.result = await handle(options, context);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    run.error = error;
  }
  return run;
}
