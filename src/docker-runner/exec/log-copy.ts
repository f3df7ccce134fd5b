import { once } from "node:events";
import type { Socket } from "node:net";
import type { OutputStream } from "../../docker/log-frames.ts";
import type { RunnerEngine } from "../../docker/runner-engine.ts";
import { readExitCode } from "./exit-code.ts";

export type LogCopyEngine = Pick<RunnerEngine, "createExec" | "openExec" | "inspectExec">;

/** What the first process writes is the container's log. `cat` is quick; without it the shell copies line by line. */
const SCRIPT = `
if command -v cat > /dev/null 2>&1; then exec cat > "$1"; fi
while IFS= read -r line || [ -n "$line" ]; do printf '%s\\n' "$line"; done > "$1"
`;

const FINISH_MS = 10_000;

/** Copies output into the container's own log, through the first process's open files; the container needs /bin/sh. */
export class LogCopy {
  readonly #engine: LogCopyEngine;
  readonly #copiers: Record<OutputStream, Copier>;

  static async open(engine: LogCopyEngine, containerId: string, signal: AbortSignal): Promise<LogCopy> {
    const [stdout, stderr] = await Promise.all([
      openCopier(engine, containerId, "/proc/1/fd/1", signal),
      openCopier(engine, containerId, "/proc/1/fd/2", signal),
    ]);
    return new LogCopy(engine, { stdout, stderr });
  }

  private constructor(engine: LogCopyEngine, copiers: Record<OutputStream, Copier>) {
    this.#engine = engine;
    this.#copiers = copiers;
  }

  /** Waits while the copier is behind. */
  async write(stream: OutputStream, bytes: Buffer): Promise<void> {
    const { socket } = this.#copiers[stream];
    // A copier that could not start or ended early hinders nobody; the end tells.
    if (socket.destroyed || socket.writableEnded || !socket.writable) return;
    if (!socket.write(bytes)) await Promise.race([once(socket, "drain"), once(socket, "close")]).catch(() => {});
  }

  /** Resolves when all of it is in the log. @returns whether it is. */
  async finish(): Promise<boolean> {
    const copiers = Object.values(this.#copiers);
    const exits = await Promise.all(copiers.map((copier) => this.#finish(copier).catch(() => null)));
    return exits.every((exitCode) => exitCode === 0);
  }

  close(): void {
    for (const { socket } of Object.values(this.#copiers)) socket.destroy();
  }

  async #finish({ execId, socket }: Copier): Promise<number> {
    const closed = socket.destroyed ? null : once(socket, "close", { signal: AbortSignal.timeout(FINISH_MS) });
    socket.end();
    await closed;
    return readExitCode(this.#engine, execId);
  }
}

interface Copier {
  execId: string;
  socket: Socket;
}

async function openCopier(
  engine: LogCopyEngine,
  containerId: string,
  target: string,
  signal: AbortSignal,
): Promise<Copier> {
  const execId = await engine.createExec(containerId, {
    Cmd: ["/bin/sh", "-c", SCRIPT, "sh", target],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  });
  const socket = await engine.openExec(execId, { tty: false, signal });
  socket.resume();
  return { execId, socket };
}
