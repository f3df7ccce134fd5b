import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type Envelope, readEnvelope } from "./envelope.ts";

const PROGRAM = fileURLToPath(new URL("../../bin/stigmer.js", import.meta.url));
/** Longer than any command of these tests may take; one that needs it has hung. */
const DEADLINE_MS = 20_000;

export interface CliOptions {
  home: string;
  env?: NodeJS.ProcessEnv;
  input?: string;
  cwd?: string;
}

export interface CliOutcome {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Starts the built command line with nothing of the surrounding configuration. */
export function startCli(args: readonly string[], { home, env = {}, cwd }: CliOptions): ChildProcess {
  const { PATH, HOME } = process.env;
  return spawn(process.execPath, [PROGRAM, ...args], {
    env: { PATH, HOME, STIGMER_HOME: home, ...env },
    stdio: "pipe",
    timeout: DEADLINE_MS,
    killSignal: "SIGKILL",
    ...(cwd === undefined ? {} : { cwd }),
  });
}

/** Runs a command to its end. */
export async function runCli(args: readonly string[], options: CliOptions): Promise<CliOutcome> {
  const child = startCli(args, options);
  child.stdin?.end(options.input);
  return collect(child);
}

/** Runs a command with `--json` and checks that stdout is one envelope. */
export async function runJson(
  args: readonly string[],
  options: CliOptions,
): Promise<{ exitCode: number | null; envelope: Envelope; stderr: string }> {
  const { exitCode, stdout, stderr } = await runCli([...args, "--json"], options);
  return { exitCode, envelope: readEnvelope(stdout), stderr };
}

/** Everything a started command prints, and how it ends. */
export async function collect(child: ChildProcess): Promise<CliOutcome> {
  const output = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    output.stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    output.stderr += text;
  });
  const [exitCode, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return { exitCode, signal, ...output };
}
