import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { packageRoot } from "../../src/platform/package.ts";

const ENTRY = join(packageRoot(), "dist", "docker-runner", "main.js");

/** The built service as a process of its own, told what it needs by its environment. */
export class DockerRunnerProcess {
  readonly #child: ChildProcess;

  /** Resolves once it listens. */
  static async start(env: Record<string, string>): Promise<DockerRunnerProcess> {
    const child = spawn(process.execPath, [ENTRY], {
      env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "/", ...env },
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const exited = once(child, "exit").then(([code, signal]) => {
      throw new Error(`docker-runner ended before it listened: ${code ?? signal}`);
    });
    await Promise.race([once(child, "message"), exited]);
    exited.catch(() => {}); // From now on its end is the test's business.
    child.disconnect();
    return new DockerRunnerProcess(child);
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill(signal);
    await exited;
  }
}
