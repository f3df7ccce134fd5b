import type { Socket } from "node:net";
import { ApiError, validationError } from "../api-error.ts";
import { CappedOutput } from "../exec/capped-output.ts";
import { createMarkedExec, type MarkedExec } from "../exec/command.ts";
import { readExitCode } from "../exec/exit-code.ts";
import { readOutput } from "../exec/read-output.ts";
import { exitCodeOfFailedStart } from "../exec/run-exec.ts";
import { signalExec } from "../exec/signal-group.ts";
import type { Service } from "../service.ts";
import { readClientFrame } from "./client-frame.ts";
import { CommandInput } from "./command-input.ts";
import type { FrameSocket } from "./frame-socket.ts";
import { resizeWhenRunning } from "./resize.ts";
import type { SessionCommand } from "./session-command.ts";

/** How long a command may take to end by itself after a close frame. */
const CLOSE_GRACE_MS = 2_000;
/** Input that waits for a command that reads none, so that a signal or a close behind it is heard all the same. */
const MAX_INPUT_AHEAD_BYTES = 8 * 1024 * 1024;

export interface SessionOptions {
  service: Service;
  frames: FrameSocket;
  containerId: string;
  command: SessionCommand;
}

/** One command on a WebSocket: from ready to exit, or until its caller is gone. */
export class Session {
  readonly #options: SessionOptions;
  readonly #output = { stdout: new CappedOutput(), stderr: new CappedOutput() };
  readonly #ended = new AbortController();
  #closeTimer: NodeJS.Timeout | undefined;
  #isOutOfReach = false;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Resolves when exit was sent. @throws whatever the caller is to be told of; the command does not run any more then. */
  async run(): Promise<void> {
    const { command, containerId, frames, service } = this.#options;
    const exec = await createMarkedExec(service.engine, containerId, command, { stdin: true });
    const stop = () => this.#ended.abort(new Error("the session is over"));
    frames.gone.addEventListener("abort", stop, { once: true });
    service.shutdown.begun.addEventListener("abort", stop, { once: true });
    if (frames.gone.aborted || service.shutdown.begun.aborted) stop();
    try {
      await this.#converse(exec);
    } catch (error) {
      await service.kill(exec);
      throw service.shutdown.begun.aborted ? service.shutdown.begun.reason : error;
    } finally {
      clearTimeout(this.#closeTimer);
      service.shutdown.begun.removeEventListener("abort", stop);
      stop();
    }
  }

  async #converse(exec: MarkedExec): Promise<void> {
    const { command, frames, service } = this.#options;
    const connection = await this.#start(exec);
    await frames.send({ type: "ready", execId: exec.id });
    if (typeof connection === "number") return this.#sendExit(exec, connection);
    const failure = new Promise<never>((_resolve, reject) => {
      this.#takeFrames(exec, connection).catch((error: unknown) => {
        connection.destroy();
        reject(error);
      });
    });
    failure.catch(() => {}); // Heard below, or too late to matter.
    const reading = readOutput(connection, exec, async (stream, bytes) => {
      const type = command.demux ? stream : "stdout";
      this.#output[type].add(bytes);
      await frames.send({ type, data: bytes.toString("base64") });
    });
    await Promise.race([reading.catch((error: unknown) => this.#explain(error)), failure]);
    this.#ended.signal.throwIfAborted();
    await this.#sendExit(exec, this.#isOutOfReach ? null : await readExitCode(service.engine, exec.id));
  }

  /** @returns the exit code of a command that could not be started at all. */
  async #start({ id, tty }: MarkedExec): Promise<Socket | number> {
    try {
      return await this.#options.service.engine.openExec(id, { tty, signal: this.#ended.signal });
    } catch (error) {
      const exitCode = exitCodeOfFailedStart(error);
      if (exitCode === null) throw error;
      this.#output.stderr.add(Buffer.from(error instanceof Error ? error.message : ""));
      return exitCode;
    }
  }

  async #takeFrames(exec: MarkedExec, connection: Socket): Promise<void> {
    const { frames, service } = this.#options;
    const input = new CommandInput(connection, exec);
    for (let text = await frames.next(); text !== null && !this.#ended.signal.aborted; text = await frames.next()) {
      const frame = readClientFrame(text);
      switch (frame.type) {
        case "stdin":
          input.add(frame.data);
          await input.untilBelow(MAX_INPUT_AHEAD_BYTES);
          break;
        case "eof":
          input.end();
          break;
        case "resize":
          await resizeWhenRunning(service.engine, exec.id, frame);
          break;
        case "signal":
          await signalExec(service.engine, exec, frame.signal);
          break;
        case "close":
          input.end();
          this.#closeTimer = setTimeout(() => void this.#killAndLeave(exec, connection), CLOSE_GRACE_MS);
          return;
        case "start":
          throw validationError("the command runs already");
        default:
          return frame satisfies never;
      }
    }
  }

  /** A command that cannot be killed, in a container without a shell, is left; its exit code will not be known. */
  async #killAndLeave(exec: MarkedExec, connection: Socket): Promise<void> {
    if (await this.#options.service.kill(exec)) return;
    this.#isOutOfReach = true;
    connection.destroy();
  }

  async #sendExit({ id }: MarkedExec, exitCode: number | null): Promise<void> {
    const { stderr, stdout } = this.#output;
    const captured = { stdout: stdout.read().text, stderr: stderr.read().text };
    await this.#options.frames.send({ type: "exit", execId: id, exitCode, ...captured });
  }

  /** The connection broke: by us, or because the engine went. */
  #explain(error: unknown): void {
    if (this.#isOutOfReach) return;
    this.#ended.signal.throwIfAborted();
    throw new ApiError(503, "docker_unavailable", "the engine's connection broke", { retryable: true, cause: error });
  }
}
