import { setTimeout as sleep } from "node:timers/promises";
import { createDeadline } from "./deadline.ts";
import type { DockerEngine, ExecResult } from "./engine.ts";
import { unresponsiveError } from "./errors.ts";
import { FrameReader } from "./log-frames.ts";
import { containerPath } from "./resource-path.ts";
import type { Transport } from "./transport.ts";

const EXEC_MS = 30_000;
const EXIT_CODE_POLL_MS = 10;
/** What is kept of each stream: a command that talks without end must not fill our memory. */
const MAX_OUTPUT_BYTES = 1024 * 1024;

/**
 * One-shot commands with no input. The first MiB of each stream is kept. A command that outlives its deadline goes on in
 * the container: the engine has no call that ends it.
 */
export function createExecCalls(transport: Transport): Pick<DockerEngine, "exec"> {
  return {
    async exec(id, command, { env = [], user = "", ...options } = {}) {
      const deadline = createDeadline(options.signal, (deadlineMs) =>
        unresponsiveError(transport.endpoint, `exec ${command[0]} in ${id}`, deadlineMs),
      );
      deadline.arm(options.timeoutMs ?? EXEC_MS);
      const limits = { timeoutMs: null, signal: deadline.signal };
      try {
        const body = { Cmd: command, Env: env, User: user, AttachStdout: true, AttachStderr: true, Tty: false };
        const created = await transport.call({ method: "POST", path: containerPath(id, "/exec"), body }, limits);
        const execPath = `/exec/${(created.body as { Id: string }).Id}`;
        const output = await run(transport, execPath, deadline.signal);
        return { exitCode: await readExitCode(transport, execPath, deadline.signal), ...output };
      } finally {
        deadline.end();
      }
    },
  };
}

async function run(
  transport: Transport,
  execPath: string,
  signal: AbortSignal,
): Promise<Pick<ExecResult, "stdout" | "stderr">> {
  const request = { method: "POST", path: `${execPath}/start`, body: { Detach: false, Tty: false } } as const;
  const { chunks } = await transport.stream(request, { headersTimeoutMs: null, idleTimeoutMs: null, signal });
  const output = { stdout: new CappedOutput(), stderr: new CappedOutput() };
  const frames = new FrameReader();
  for await (const chunk of chunks) frames.push(chunk, (stream, payload) => output[stream].add(payload));
  return { stdout: output.stdout.text(), stderr: output.stderr.text() };
}

/** The engine closes the output before it has noted the exit, and offers nothing to wait on: ask again, briefly. */
async function readExitCode(transport: Transport, execPath: string, signal: AbortSignal): Promise<number> {
  for (;;) {
    const { body } = await transport.call({ method: "GET", path: `${execPath}/json` }, { timeoutMs: null, signal });
    const { ExitCode, Running } = body as { ExitCode: number | null; Running: boolean };
    if (!Running && ExitCode !== null) return ExitCode;
    await sleep(EXIT_CODE_POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

class CappedOutput {
  readonly #chunks: Buffer[] = [];
  #room = MAX_OUTPUT_BYTES;

  add(chunk: Buffer): void {
    const kept = chunk.subarray(0, this.#room);
    this.#room -= kept.length;
    if (kept.length > 0) this.#chunks.push(kept);
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString();
  }
}
