import type { RawData, WebSocket } from "ws";

/** With so many frames waiting the socket is not read any more, so that the other side waits as well. */
const PAUSE_AT = 32;

/** Hands the text frames of a WebSocket on one after the other, at the pace of whoever takes them. */
export class FrameQueue {
  readonly #socket: WebSocket;
  readonly #take: (text: string) => Promise<void>;
  readonly #onError: (error: unknown) => void;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(socket: WebSocket, take: (text: string) => Promise<void>, onError: (error: unknown) => void) {
    this.#socket = socket;
    this.#take = take;
    this.#onError = onError;
    socket.on("message", (data, isBinary) => {
      if (!isBinary) this.#push(data);
    });
  }

  /** After every frame that has come so far. */
  whenEmpty(callback: () => void): void {
    void this.#last.then(callback);
  }

  #push(data: RawData): void {
    this.#waiting += 1;
    if (this.#waiting >= PAUSE_AT) this.#socket.pause();
    this.#last = this.#last.then(() => this.#handOn(data));
  }

  async #handOn(data: RawData): Promise<void> {
    try {
      await this.#take(toText(data));
    } catch (error) {
      this.#onError(error);
    }
    this.#waiting -= 1;
    if (this.#waiting < PAUSE_AT / 2 && this.#socket.isPaused) this.#socket.resume();
  }
}

function toText(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString("utf8");
  return (data instanceof ArrayBuffer ? Buffer.from(data) : data).toString("utf8");
}
