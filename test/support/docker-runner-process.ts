import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../../bin/stigmer-docker-runner.js", import.meta.url));
/** Longer than a service of these tests may live. */
const DEADLINE_MS = 90_000;

export interface RunnerProcess {
  child: ChildProcess;
  /** What it wrote so far, both streams. */
  output(): string;
  /** Resolves when it said over IPC that it listens. */
  listening: Promise<unknown>;
  exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

export interface SpawnOptions {
  args?: string[];
  cwd?: string;
  /** The Node that runs it; by default this one. */
  node?: string;
}

/** Starts the built service with exactly these settings. */
export function spawnRunner(
  settings: Record<string, string>,
  { args = [], cwd, node = process.execPath }: SpawnOptions = {},
): RunnerProcess {
  const { HOME = "/", PATH = "" } = process.env;
  const child = spawn(node, [PROGRAM, ...args], {
    env: { HOME, PATH, ...settings },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    timeout: DEADLINE_MS,
    killSignal: "SIGKILL",
    ...(cwd === undefined ? {} : { cwd }),
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const exit = once(child, "close").then(([code, signal]) => ({ code, signal }));
  const listening = Promise.race([
    once(child, "message").then(([message]) => message),
    exit.then(({ code }) => {
      throw new Error(`docker-runner ended with ${code} before it listened: ${output}`);
    }),
  ]);
  listening.catch(() => {}); // Whoever awaits it hears of it.
  return { child, output: () => output, listening, exit };
}

/** Runs the service that is expected not to come up. */
export async function refusedStart(
  settings: Record<string, string>,
  args: string[] = [],
): Promise<{ code: number | null; output: string }> {
  const { exit, output } = spawnRunner(settings, { args });
  const { code } = await exit;
  return { code, output: output() };
}

/** A service that listens, for tests of what talks to it. */
export class DockerRunnerProcess {
  readonly #runner: RunnerProcess;

  /** Resolves once it listens. */
  static async start(settings: Record<string, string>): Promise<DockerRunnerProcess> {
    const runner = spawnRunner(settings);
    await runner.listening;
    return new DockerRunnerProcess(runner);
  }

  private constructor(runner: RunnerProcess) {
    this.#runner = runner;
  }

  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    this.#runner.child.kill(signal);
    await this.#runner.exit;
  }
}
