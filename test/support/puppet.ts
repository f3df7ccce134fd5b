import type { ChildProcess } from "node:child_process";
import { on, once } from "node:events";
import { fileURLToPath } from "node:url";
import { withDeadline } from "../../src/platform/deadline.ts";
import { pollUntil } from "../../src/platform/poll.ts";
import { readProcStat } from "../../src/platform/proc-stat.ts";
import { identifySync, isAlive, type ProcessIdentity } from "../../src/platform/process-identity.ts";
import { type DetachedSpawn, spawnDetached } from "../../src/platform/spawn.ts";

export const PUPPET = fileURLToPath(new URL("../fixtures/process/puppet.mjs", import.meta.url));

/** A real process, in a group of its own, that does what a test tells it. */
export class Puppet implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly identity: ProcessIdentity;
  #asked = 0;

  private constructor(child: ChildProcess, identity: ProcessIdentity) {
    this.child = child;
    this.identity = identity;
  }

  static async start(options: Partial<DetachedSpawn> = {}): Promise<Puppet> {
    const child = await spawnDetached({
      argv: [process.execPath, PUPPET],
      env: { PATH: process.env["PATH"] ?? "" },
      cwd: "/",
      outputFile: null,
      ipc: true,
      ...options,
    });
    const identity = identifySync(child.pid ?? 0);
    if (identity === null) throw new Error("the puppet did not live");
    return new Puppet(child, identity);
  }

  get pid(): number {
    return this.identity.pid;
  }

  /** Resolves with the answer, once the command is done. */
  async tell(command: string, options: Record<string, unknown> = {}): Promise<unknown> {
    this.#asked += 1;
    const id = this.#asked;
    return await withDeadline(
      async (signal) => {
        const messages = on(this.child, "message", { signal });
        this.child.send({ id, command, ...options });
        for await (const [answer] of messages) if (answer.id === id) return answer.value;
        throw new Error(`the puppet never answered ${command}`);
      },
      { what: `the puppet's answer to ${command}`, timeoutMs: 10_000 },
    );
  }

  async exited(): Promise<{ code: number | null; signal: string | null }> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      await withDeadline((signal) => once(this.child, "exit", { signal }), {
        what: `the end of puppet ${this.pid}`,
        timeoutMs: 10_000,
      });
    }
    return { code: this.child.exitCode, signal: this.child.signalCode };
  }

  /** Kills what is left of it and of its group. */
  async [Symbol.asyncDispose](): Promise<void> {
    await endGroup(this.identity);
  }
}

/** For what a test made and knows by its identity; no code under test is used to clean up. */
export async function endGroup(identity: ProcessIdentity): Promise<void> {
  const target = (await isAlive(identity)) ? identity.pid : null;
  for (const address of target === null ? [-identity.pid] : [-target, target]) {
    try {
      process.kill(address, "SIGKILL");
    } catch {
      // Nobody left.
    }
  }
  await pollUntil({
    what: `the end of process ${identity.pid}`,
    probe: async () => !(await isAlive(identity)),
    timeoutMs: 10_000,
    intervalMs: 5,
  });
}

/** Makes a zombie in the puppet's group, on Linux; returns its PID. */
export async function makeZombie(puppet: Puppet): Promise<number> {
  const { parent, child } = (await puppet.tell("careless")) as { parent: number; child: number };
  const wait = { timeoutMs: 10_000, intervalMs: 5 };
  // Until then it is a shell, which would take note.
  await pollUntil({ what: "the careless parent", probe: () => readProcStat(parent)?.comm === "sleep", ...wait });
  process.kill(child, "SIGKILL");
  await pollUntil({ what: "the zombie", probe: () => readProcStat(child)?.state === "Z", ...wait });
  return child;
}
