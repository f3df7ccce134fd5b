import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import { type Connection, readText } from "./connection.ts";
import { FrameQueue } from "./frame-queue.ts";
import { toPath } from "./path.ts";
import { DockerRunnerRequestError, networkError, toErrorAnswer, toRequestError } from "./request-error.ts";
import { parseDocument, type StreamFrame, toFrame } from "./stream-frame.ts";
import type { InteractiveExit, InteractiveRequest, TerminalSize } from "./wire.ts";

export interface InteractiveOptions {
  /** Called for one piece of output after the other; while its promise is open, the process is held up, not the memory. */
  onOutput: (stream: "stdout" | "stderr", data: Buffer) => void | Promise<void>;
  /** Aborting closes the connection, which ends the process. */
  signal?: AbortSignal;
}

/** A process in a container that is talked to. */
export interface InteractiveExec {
  readonly execId: string;
  /** Resolves after the last output, with the real exit code. @throws DockerRunnerRequestError when the connection broke. */
  readonly exited: Promise<InteractiveExit>;
  /** Resolves once it is on its way. */
  write(data: string | Uint8Array): Promise<void>;
  /** No more input comes. */
  endInput(): void;
  resize(size: TerminalSize): void;
  /** `SIGTERM`, `SIGINT`, … */
  signal(name: string): void;
  /** Ends its input; a process that does not end by itself within 2 s is killed. */
  close(): void;
}

interface OpenOptions extends InteractiveOptions {
  connection: Connection;
  readyTimeoutMs: number;
}

const MAX_FRAME_BYTES = 64 * 1024 * 1024;
const INPUT_PIECE_BYTES = 256 * 1024;
const KEEP_ALIVE_MS = 30_000;

/** Runs it, and resolves once the service says that it runs. @throws DockerRunnerRequestError; the signal's reason. */
export async function openInteractiveExec(
  { containerId, ...start }: InteractiveRequest,
  options: OpenOptions,
): Promise<InteractiveExec> {
  options.signal?.throwIfAborted();
  const { headers, url } = options.connection.upgrade(toPath("/v1/exec/interactive/ws", { containerId }));
  const socket = new WebSocket(url, { headers, maxPayload: MAX_FRAME_BYTES, handshakeTimeout: options.readyTimeoutMs });
  const conversation = new Conversation(socket, options);
  socket.once("open", () => conversation.tell({ type: "start", ...start }));
  const execId = await conversation.ready;
  return {
    execId,
    exited: conversation.exited,
    write: (data) => conversation.write(Buffer.from(data)),
    endInput: () => conversation.tell({ type: "eof" }),
    resize: (size) => conversation.tell({ type: "resize", ...size }),
    signal: (name) => conversation.tell({ type: "signal", signal: name }),
    close: () => conversation.tell({ type: "close" }),
  };
}

/** The frames of one WebSocket, in their order. */
class Conversation {
  readonly ready: Promise<string>;
  readonly exited: Promise<InteractiveExit>;
  readonly #socket: WebSocket;
  readonly #options: OpenOptions;
  readonly #queue: FrameQueue;
  readonly #readyTimer: NodeJS.Timeout;
  #becomeReady: (execId: string) => void = () => {};
  #exit: (exit: InteractiveExit) => void = () => {};
  #fail: (error: unknown) => void = () => {};

  constructor(socket: WebSocket, options: OpenOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#queue = new FrameQueue(
      socket,
      (text) => this.#take(toFrame(parseDocument(text))),
      (error) => this.#end(error),
    );
    const failed = new Promise<never>((_resolve, reject) => {
      this.#fail = reject;
    });
    this.ready = Promise.race([
      failed,
      new Promise<string>((resolve) => {
        this.#becomeReady = resolve;
      }),
    ]);
    this.exited = Promise.race([
      failed,
      new Promise<InteractiveExit>((resolve) => {
        this.#exit = resolve;
      }),
    ]);
    // Who never asks for the exit is not to be ended by its failure.
    this.exited.catch(() => {});
    this.#readyTimer = setTimeout(
      () => this.#end(networkError("the process did not begin in time")),
      options.readyTimeoutMs,
    );
    this.#listen();
  }

  /** In pieces, each of which waits for the one before it: the service takes frames of some megabytes only. */
  async write(input: Buffer): Promise<void> {
    for (let at = 0; at < input.length; at += INPUT_PIECE_BYTES) {
      await this.#send({ type: "stdin", data: input.toString("base64", at, at + INPUT_PIECE_BYTES) });
    }
  }

  #send(frame: StreamFrame): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.send(JSON.stringify(frame), (error) => {
        if (error == null) resolve();
        else reject(networkError(error.message, error));
      });
    });
  }

  /** A frame that cannot be sent any more is no news: `exited` tells why. */
  tell(frame: StreamFrame): void {
    this.#socket.send(JSON.stringify(frame), () => {});
  }

  #listen(): void {
    const { signal } = this.#options;
    const onAbort = (): void => this.#end(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#socket.once("upgrade", (response) => response.socket.setKeepAlive(true, KEEP_ALIVE_MS));
    this.#socket.once("unexpected-response", (_request, response) => void this.#refused(response));
    this.#socket.on("error", (error) => this.#end(networkError(error.message, error)));
    this.#socket.once("close", (code) => {
      clearTimeout(this.#readyTimer);
      signal?.removeEventListener("abort", onAbort);
      // After whatever came before it: the exit is then settled, and this says nothing.
      this.#queue.whenEmpty(() => this.#fail(networkError(`the connection was closed with code ${code}`)));
    });
  }

  async #take(frame: StreamFrame): Promise<void> {
    switch (frame.type) {
      case "ready":
        clearTimeout(this.#readyTimer);
        return this.#becomeReady(String(frame["execId"]));
      case "stdout":
      case "stderr":
        return this.#options.onOutput(frame.type, Buffer.from(String(frame["data"]), "base64"));
      case "exit":
        return this.#exit(toExit(frame));
      case "error": {
        const answer = toErrorAnswer(frame["error"]);
        return this.#fail(
          answer === null ? networkError(String(frame["error"])) : new DockerRunnerRequestError(0, answer),
        );
      }
      default:
        return; // A kind of frame that later services may have.
    }
  }

  async #refused(response: IncomingMessage): Promise<void> {
    const body = await readText(response, MAX_FRAME_BYTES, new AbortController().signal).catch(() => "");
    this.#end(toRequestError(response, body));
  }

  #end(error: unknown): void {
    this.#fail(error);
    this.#socket.terminate();
  }
}

function toExit({ execId, exitCode, stdout, stderr }: StreamFrame): InteractiveExit {
  return {
    execId: String(execId),
    exitCode: typeof exitCode === "number" ? exitCode : null,
    stdout: String(stdout ?? ""),
    stderr: String(stderr ?? ""),
  };
}
