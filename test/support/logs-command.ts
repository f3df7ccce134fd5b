import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { handle, type LogsOptions } from "../../src/cli/commands/server/logs.ts";
import type { CommandContext } from "../../src/cli/context.ts";
import { type HomePaths, homePaths } from "../../src/platform/paths.ts";
import { RecordedOutput } from "./cli-rig.ts";
import { temporaryDirectory } from "./temporary-directory.ts";

/** A home with a folder for logs and nothing in it. */
export async function logsHome(): Promise<AsyncDisposable & { paths: HomePaths }> {
  const directory = await temporaryDirectory();
  const paths = homePaths(join(directory.path, "home"));
  await mkdir(paths.logsDir, { recursive: true });
  return { paths, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

export interface LogsRun {
  stdout: RecordedOutput;
  stderr: RecordedOutput;
  warnings: string[];
  /** Of `--json`. */
  records(): Record<string, unknown>[];
  lines(): string[];
}

export interface RunLogsOptions {
  json?: boolean;
  /** Default: an engine that is not there. */
  dockerHost?: string;
  signal?: AbortSignal;
  /** Called after every write to stdout. */
  onWrite?: (run: LogsRun) => void;
}

/** Runs the command in this process. */
export async function runLogs(
  paths: HomePaths,
  options: Partial<LogsOptions> = {},
  { json = false, dockerHost = "unix:///nonexistent/docker.sock", signal, onWrite }: RunLogsOptions = {},
): Promise<LogsRun> {
  const stdout = new RecordedOutput();
  const stderr = new RecordedOutput();
  const warnings: string[] = [];
  const run: LogsRun = {
    stdout,
    stderr,
    warnings,
    records: () => run.lines().map((line) => JSON.parse(line)),
    lines: () => stdout.text.split("\n").slice(0, -1),
  };
  const context: CommandContext = {
    globals: { home: paths.home, json, quiet: false, debug: false, color: false },
    paths,
    env: { PATH: process.env["PATH"], HOME: paths.home, DOCKER_HOST: dockerHost },
    cwd: "/",
    stdin: process.stdin,
    stdout: {
      write(text) {
        stdout.write(text);
        onWrite?.(run);
        return true;
      },
      drained: () => stdout.drained(),
      isTTY: false,
      columns: 80,
    },
    stderr,
    signal: signal ?? new AbortController().signal,
    forceSignal: new AbortController().signal,
    warn: (sentence) => warnings.push(sentence),
    progress: (line) => stderr.write(`${line}\n`),
  };
  await handle(
    {
      components: [],
      follow: false,
      tail: 50,
      sinceMs: null,
      untilMs: null,
      grep: null,
      level: null,
      timestamps: false,
      ...options,
    },
    context,
  );
  return run;
}

/** Bundles the command as a program of its own; returns its path. */
export async function buildLogsCommand(directory: string): Promise<string> {
  const outfile = join(directory, "logs-command.mjs");
  await build({
    entryPoints: [fileURLToPath(new URL("../fixtures/logs/logs-command.ts", import.meta.url))],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    external: ["dockerode", "yaml", "valibot", "proper-lockfile"],
    logLevel: "error",
  });
  return outfile;
}
