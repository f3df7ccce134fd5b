import type { WebSocket } from "@fastify/websocket";

/** Frames that wait here while the command is behind with its input; more wait in the caller. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** A caller whose frames wait is not read: that it left is only found out by writing to it. */
const PING_MS = 5_000;

/**
 * A WebSocket as a queue of texts and a sender that waits for its reader. Nothing that comes between the upgrade and the
 * first `next` is lost: the listeners are there from the beginning.
 */
export class FrameSocket {
  readonly #socket: WebSocket;
  readonly #texts: string[] = [];
  readonly #gone = new AbortController();
  readonly #ping: NodeJS.Timeout;
  #waitingBytes = 0;
  #wake: () => void = () => {};

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => this.#take(String(data)));
    socket.on("close", () => this.#leave());
    socket.on("error", () => {}); // "close" follows.
    this.#ping = setInterval(() => {
      if (socket.readyState === socket.OPEN && socket.bufferedAmount === 0) socket.ping();
    }, PING_MS);
  }

  /** Aborted when the caller has left, or the socket was closed by us. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** The next text in order; null when the caller is gone and nothing is left of what it said. */
  async next(): Promise<string | null> {
    for (;;) {
      const text = this.#texts.shift();
      if (text !== undefined) {
        this.#waitingBytes -= text.length;
        if (this.#waitingBytes <= MAX_WAITING_BYTES && this.#socket.isPaused) this.#socket.resume();
        return text;
      }
      if (this.gone.aborted) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Resolves when the caller's side took it; at once when the caller is gone. */
  send(frame: object): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(frame), () => resolve());
      else resolve();
    });
  }

  close(code: number): void {
    this.#socket.close(code);
  }

  #take(text: string): void {
    this.#texts.push(text);
    this.#waitingBytes += text.length;
    if (this.#waitingBytes > MAX_WAITING_BYTES) this.#socket.pause();
    this.#wake();
  }

  #leave(): void {
    clearInterval(this.#ping);
    this.#gone.abort(new Error("the caller is gone"));
    this.#wake();
  }
}
