import { createHash, createHmac, randomUUID } from "node:crypto";
import { type Agent, request as httpRequest, type IncomingMessage } from "node:http";
import WebSocket from "ws";

/** The contract's signature by hand (docker-runner.md §2), so that the service is not its own witness. */
export interface SignOptions {
  method: string;
  url: string;
  body?: Buffer | string;
  secret: string;
  timestampMs?: number;
  nonce?: string;
}

export function signedHeaders({ body = "", method, nonce, secret, timestampMs, url }: SignOptions) {
  const timestamp = String(timestampMs ?? Date.now());
  const id = nonce ?? randomUUID();
  const hash = createHash("sha256").update(body).digest("base64");
  const text = [method, url, timestamp, id, hash].join("\n");
  return {
    "x-dr-timestamp": timestamp,
    "x-dr-nonce": id,
    "x-dr-signature": createHmac("sha256", secret).update(text).digest("base64"),
  };
}

export interface Answer {
  status: number;
  headers: IncomingMessage["headers"];
  text: string;
  /** Empty when the answer is no JSON. */
  json: Record<string, unknown>;
}

export interface CallChanges {
  headers?: Record<string, string>;
  /** Sent in place of the signed headers. */
  signature?: Record<string, string>;
  signal?: AbortSignal;
}

/** A caller of a docker-runner on loopback. */
export class RunnerCaller {
  readonly port: number;
  readonly secret: string;
  readonly #agent: Agent | false;

  /** @param agent keeps connections; by default each call has its own. */
  constructor({ agent = false, port, secret }: { port: number; secret: string; agent?: Agent | false }) {
    this.port = port;
    this.secret = secret;
    this.#agent = agent;
  }

  get(url: string, changes: CallChanges = {}): Promise<Answer> {
    return this.send("GET", url, "", changes);
  }

  post(url: string, body: unknown, changes: CallChanges = {}): Promise<Answer> {
    const headers = { "content-type": "application/json", ...changes.headers };
    return this.send("POST", url, JSON.stringify(body), { ...changes, headers });
  }

  async send(method: string, url: string, body: Buffer | string = "", changes: CallChanges = {}): Promise<Answer> {
    const response = await this.open(method, url, body, changes);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const isJson = response.headers["content-type"]?.includes("json") === true;
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      text,
      json: isJson && text !== "" ? JSON.parse(text) : {},
    };
  }

  /** Sends a request and hands the answer over unread. */
  open(
    method: string,
    url: string,
    body: Buffer | string = "",
    { headers = {}, signal, signature }: CallChanges = {},
  ): Promise<IncomingMessage> {
    const proof = signature ?? signedHeaders({ method, url, body, secret: this.secret });
    return new Promise((resolve, reject) => {
      const sent = httpRequest({
        host: "127.0.0.1",
        port: this.port,
        method,
        path: url,
        agent: this.#agent,
        headers: { ...headers, ...proof, ...(body.length > 0 ? { "content-length": Buffer.byteLength(body) } : {}) },
        ...(signal === undefined ? {} : { signal }),
      });
      sent.once("response", resolve).on("error", reject);
      sent.end(body);
    });
  }

  /** Opens an event stream; fails when the answer is none. */
  async stream(url: string): Promise<EventReader> {
    const response = await this.open("GET", url);
    if (response.headers["content-type"] !== "text/event-stream") {
      throw new Error(`no event stream but ${response.statusCode}`);
    }
    return new EventReader(response);
  }

  webSocket(url: string, signature?: Record<string, string>): WebSocketReader {
    const headers = signature ?? signedHeaders({ method: "GET", url, secret: this.secret });
    return new WebSocketReader(new WebSocket(`ws://127.0.0.1:${this.port}${url}`, { headers }));
  }
}

export type Frame = Record<string, unknown> & { type: string };

/** The frames of an event stream, in order. */
export class EventReader {
  readonly response: IncomingMessage;
  readonly #frames: AsyncGenerator<Frame>;
  comments = 0;

  constructor(response: IncomingMessage) {
    this.response = response;
    this.#frames = this.#read();
  }

  /** Null at the end. */
  async next(): Promise<Frame | null> {
    const { done, value } = await this.#frames.next();
    return done ? null : value;
  }

  async until(matches: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const frame = await this.next();
      if (frame === null) throw new Error("the stream ended before the awaited frame");
      if (matches(frame)) return frame;
    }
  }

  async all(): Promise<Frame[]> {
    const frames: Frame[] = [];
    for (let frame = await this.next(); frame !== null; frame = await this.next()) frames.push(frame);
    return frames;
  }

  close(): void {
    this.response.destroy();
  }

  async *#read(): AsyncGenerator<Frame> {
    let rest = "";
    for await (const chunk of this.response) {
      const blocks = `${rest}${chunk}`.split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        if (block.startsWith(":")) this.comments += 1;
        else yield JSON.parse(block.replace(/^data: /, ""));
      }
    }
  }
}

/** The frames of a WebSocket, kept from the first moment on. */
export class WebSocketReader {
  readonly socket: WebSocket;
  readonly frames: Frame[] = [];
  /** The close code, or the status of a refused upgrade. */
  readonly ended: Promise<{ code: number; status?: number; body?: string }>;
  #wake: () => void = () => {};
  #isOver = false;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data) => {
      this.frames.push(JSON.parse(String(data)));
      this.#wake();
    });
    this.ended = new Promise((resolve) => {
      const settle = (outcome: { code: number; status?: number; body?: string }) => {
        this.#isOver = true;
        resolve(outcome);
        this.#wake();
      };
      socket.on("error", () => {});
      socket.on("close", (code) => settle({ code }));
      socket.on("unexpected-response", (_request, response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (text: string) => {
          body += text;
        });
        response.on("close", () => settle({ code: 0, status: response.statusCode ?? 0, body }));
      });
    });
  }

  send(frame: object): void {
    if (this.socket.readyState === WebSocket.CONNECTING) {
      this.socket.once("open", () => this.socket.send(JSON.stringify(frame)));
    } else {
      this.socket.send(JSON.stringify(frame));
    }
  }

  stdin(text: string): void {
    this.send({ type: "stdin", data: Buffer.from(text).toString("base64") });
  }

  /** The first frame that matches, also among those that came before. */
  async until(matches: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const found = this.frames.find(matches);
      if (found !== undefined) return found;
      if (this.#isOver) throw new Error(`closed before the awaited frame: ${JSON.stringify(this.frames)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  ready(): Promise<Frame> {
    return this.until(({ type }) => type === "ready");
  }

  exit(): Promise<Frame> {
    return this.until(({ type }) => type === "exit");
  }

  /** Everything that came on a stream so far. */
  text(stream: "stdout" | "stderr" = "stdout"): string {
    const parts = this.frames
      .filter(({ type }) => type === stream)
      .map(({ data }) => Buffer.from(String(data), "base64"));
    return Buffer.concat(parts).toString();
  }

  /** Waits until a stream holds a text. */
  async untilText(text: string, stream: "stdout" | "stderr" = "stdout"): Promise<void> {
    while (!this.text(stream).includes(text)) {
      if (this.#isOver) throw new Error(`closed before ${JSON.stringify(text)}: ${JSON.stringify(this.frames)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
