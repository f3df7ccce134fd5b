import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll } from "vitest";
import type { ErrorBody } from "../../src/errors.ts";
import { packageRoot } from "../../src/platform/package.ts";
import type { ComponentStatus, StackStatus } from "../../src/stack/component.ts";

const execFileAsync = promisify(execFile);
const CLI = join(packageRoot(), "bin", "stigmer.js");
/** Longer than any command may take; a command that needs it has hung. */
const COMMAND_TIMEOUT_MS = 90_000;

export interface CliResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface Envelope<T = unknown> {
  schemaVersion: number;
  command: string;
  status: "ok" | "error";
  data: T;
  warnings: string[];
  error: ErrorBody | null;
}

export interface RigOptions {
  /** Text of config.yaml; default gives the server a free port. */
  config?: string;
  env?: Record<string, string | undefined>;
  /** The home itself, for tests about its path. */
  home?: string;
  /** The Node that runs the command line; default this one. */
  node?: string;
}

/** A test that failed did not come to its own clean-up, and the next file must not find its stack. */
const undisposed = new Set<StackRig>();
afterAll(async () => {
  for (const rig of undisposed) await rig.dispose();
});

/** A home of its own in a temp dir, the built command line on it, and the proof that nothing of it is left. */
export class StackRig {
  readonly home: string;
  readonly #root: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #node: string;

  constructor(options: RigOptions = {}) {
    this.#node = options.node ?? process.execPath;
    this.#root = mkdtempSync(join(tmpdir(), "stigmer-rig-"));
    this.home = options.home ?? join(this.#root, "home");
    mkdirSync(this.home, { recursive: true, mode: 0o700 });
    writeFileSync(join(this.home, "config.yaml"), options.config ?? "server: { port: 0 }\n", { mode: 0o600 });
    const { NODE_EXTRA_CA_CERTS: _ca, ...inherited } = process.env;
    this.#env = { ...inherited, NO_COLOR: "1", ...options.env, STIGMER_HOME: this.home };
    undisposed.add(this);
  }

  path(...parts: string[]): string {
    return join(this.home, ...parts);
  }

  read(...parts: string[]): string {
    return readFileSync(this.path(...parts), "utf8");
  }

  has(...parts: string[]): boolean {
    return existsSync(this.path(...parts));
  }

  /** The PID in a PID file. */
  pid(file: "daemon" | "workflow-runner" | "agent-runner" | "docker-runner"): number {
    return Number(this.read("data", `${file}.pid`).split("\n")[0]);
  }

  containerId(): string {
    return this.read("data", "agent-runner-container.id").trim();
  }

  instance(): string {
    return this.has("data", "instance-id") ? this.read("data", "instance-id").trim() : "";
  }

  /** Runs a command to its end. */
  async run(
    args: string[],
    options: { env?: Record<string, string | undefined>; input?: string } = {},
  ): Promise<CliResult> {
    const child = this.spawn(args, options.env);
    if (options.input !== undefined) child.stdin?.write(options.input);
    child.stdin?.end();
    const output = { stdout: "", stderr: "" };
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      output.stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      output.stderr += text;
    });
    return { exitCode: await exitCodeOf(child, `stigmer ${args.join(" ")}`), ...output };
  }

  /** Runs a command with --json and parses its one envelope. */
  async json<T = unknown>(
    args: string[],
    options: { env?: Record<string, string | undefined>; input?: string } = {},
  ): Promise<CliResult & { envelope: Envelope<T> }> {
    const result = await this.run([...args, "--json"], options);
    try {
      return { ...result, envelope: JSON.parse(result.stdout) as Envelope<T> };
    } catch (error) {
      throw new Error(`no envelope from stigmer ${args.join(" ")}: ${result.stdout}\n${result.stderr}`, {
        cause: error,
      });
    }
  }

  /** Starts a command and leaves it running. */
  spawn(args: string[], env: Record<string, string | undefined> = {}): ChildProcess {
    return spawn(this.#node, [CLI, ...args], {
      env: { ...this.#env, ...env },
      stdio: ["pipe", "pipe", "pipe"],
      cwd: this.#root,
    });
  }

  async status(): Promise<StackStatus & { exitCode: number }> {
    const { envelope, exitCode } = await this.json<StackStatus>(["server", "status"]);
    return { ...envelope.data, exitCode };
  }

  async component(name: string): Promise<ComponentStatus> {
    const { components } = await this.status();
    const found = components.find((component) => component.name === name);
    if (found === undefined) throw new Error(`status names no ${name}`);
    return found;
  }

  /** Waits for the first status that satisfies, following `status --watch`. */
  async until(satisfies: (status: StackStatus) => boolean, what: string, timeoutMs = 30_000): Promise<StackStatus> {
    const child = this.spawn(["server", "status", "--watch", "--json"]);
    let timer: NodeJS.Timeout | undefined;
    let last = "nothing";
    try {
      return await Promise.race([
        firstStatus(child, (status) => {
          last = JSON.stringify(status);
          return satisfies(status);
        }),
        new Promise<never>((_resolve, reject) => {
          timer = setTimeout(() => reject(new Error(`waited ${timeoutMs} ms for ${what}; last: ${last}`)), timeoutMs);
        }),
      ]);
    } finally {
      clearTimeout(timer);
      child.kill("SIGKILL");
    }
  }

  /** Writes a file of the home; its folder is made. */
  write(name: string, text: string | Uint8Array, mode = 0o600): void {
    mkdirSync(dirname(this.path(name)), { recursive: true, mode: 0o700 });
    writeFileSync(this.path(name), text, { mode });
  }

  /** Everything of this home that runs or lies about although it should not, one sentence each. */
  async leaks(): Promise<string[]> {
    const instance = this.instance();
    const found: string[] = [];
    for (const { pid, command } of processesOf(instance)) found.push(`process ${pid}: ${command}`);
    const containers = await docker(
      "ps",
      "-aq",
      "--no-trunc",
      "--filter",
      `label=ai.stigmer.instance=${instance || "none"}`,
    );
    for (const id of containers.split("\n").filter(Boolean)) found.push(`container ${id}`);
    for (const folder of ["data", "run"]) {
      if (!this.has(folder)) continue;
      for (const name of readdirSync(this.path(folder))) {
        if (/\.(pid|sock|id|port)$|^token$|^port$|\.policy\.json$|\.tmp|\.lock$|^restarts/.test(name))
          found.push(`file ${folder}/${name}`);
      }
    }
    return found;
  }

  /** Stops the stack, says what is left, and removes the home. */
  async dispose(): Promise<string[]> {
    undisposed.delete(this);
    await this.run(["server", "stop", "--force"]);
    const left = await this.leaks();
    for (const { pid } of processesOf(this.instance())) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Gone between the look and the kill.
      }
    }
    rmSync(this.#root, { recursive: true, force: true });
    if (this.home.startsWith(tmpdir())) rmSync(this.home, { recursive: true, force: true });
    return left;
  }
}

/** The docker client's output, trimmed. Containers are looked at from outside stigmer. */
export async function docker(...args: string[]): Promise<string> {
  const { stdout } = await execFileAsync("docker", args);
  return stdout.trim();
}

/** Resolves with the exit code; a signal counts as 128 + its number, as shells do. */
export function exitCodeOf(child: ChildProcess, what: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`${what} did not end within ${COMMAND_TIMEOUT_MS} ms`));
    }, COMMAND_TIMEOUT_MS);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      resolve(code ?? (signal === "SIGKILL" ? 137 : 128));
    });
  });
}

/** Processes that carry this instance in their environment. */
export function processesOf(instance: string): { pid: number; command: string }[] {
  if (instance === "") return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const isOurs = readFileSync(`/proc/${name}/environ`, "utf8")
          .split("\0")
          .includes(`STIGMER_INSTANCE=${instance}`);
        const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
        return isOurs && command !== "" ? [{ pid: Number(name), command }] : [];
      } catch {
        return []; // It ended while we looked.
      }
    });
}

function firstStatus(child: ChildProcess, satisfies: (status: StackStatus) => boolean): Promise<StackStatus> {
  return new Promise((resolve, reject) => {
    let rest = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      const match = lines.map((line) => JSON.parse(line) as StackStatus).find(satisfies);
      if (match !== undefined) resolve(match);
    });
    child.once("close", (code) => reject(new Error(`status --watch ended with ${code}`)));
  });
}
