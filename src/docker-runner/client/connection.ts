import { Agent, type IncomingMessage, type RequestOptions, request } from "node:http";
import { Agent as SecureAgent, request as secureRequest } from "node:https";
import { networkError, toRequestError } from "./request-error.ts";
import { signatureHeaders } from "./sign.ts";

export interface WireRequest {
  method: "GET" | "POST";
  /** Below the service's base, with its query. */
  path: string;
  body?: Uint8Array;
  headers?: Record<string, string>;
  /** On a connection of its own: one that is kept may be closed by the other side as the request is sent. */
  alone?: boolean;
}

const NOTHING = new Uint8Array();
const MAX_ERROR_BYTES = 4 * 1024 * 1024;
/** What a socket may be silent before the system asks whether the other side is still there. */
const KEEP_ALIVE_MS = 30_000;

/** Sends signed requests to one docker-runner. */
export class Connection {
  readonly #base: URL;
  readonly #secret: string;
  readonly #agent: Agent;

  constructor(baseUrl: string, secret: string) {
    this.#base = new URL(baseUrl);
    this.#secret = secret;
    const options = { keepAlive: true, keepAliveMsecs: KEEP_ALIVE_MS };
    this.#agent = this.#isSecure ? new SecureAgent(options) : new Agent(options);
  }

  /** URL and headers of a WebSocket upgrade, signed like any other GET. */
  upgrade(path: string): { url: string; headers: Record<string, string> } {
    const url = new URL(this.#pathOf(path), this.#base);
    url.protocol = this.#isSecure ? "wss:" : "ws:";
    return { url: url.href, headers: this.#signed({ method: "GET", path }) };
  }

  /**
   * Resolves with an answer of status 2xx whose body is still to be read. Aborting ends the body, too.
   * @throws DockerRunnerRequestError; the signal's reason.
   */
  async send(wanted: WireRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const answer = await this.#dial(wanted, signal);
    const { statusCode = 0 } = answer;
    if (statusCode >= 200 && statusCode < 300) return answer;
    throw toRequestError(answer, await readText(answer, MAX_ERROR_BYTES, signal));
  }

  /** Ends the connections that are kept. */
  close(): void {
    this.#agent.destroy();
  }

  #dial(wanted: WireRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const { alone = false, body = NOTHING, headers, method } = wanted;
    return new Promise((resolve, reject) => {
      const options: RequestOptions = {
        method,
        path: this.#pathOf(wanted.path),
        headers: {
          ...headers,
          ...this.#signed(wanted),
          ...(method === "POST" ? { "content-length": body.length } : {}),
        },
        agent: alone ? false : this.#agent,
        signal,
      };
      const outgoing = (this.#isSecure ? secureRequest : request)(this.#base, options, resolve);
      outgoing.once("socket", (socket) => socket.setKeepAlive(true, KEEP_ALIVE_MS));
      outgoing.on("error", (error) => reject(explain(error, signal)));
      outgoing.end(body);
    });
  }

  get #isSecure(): boolean {
    return this.#base.protocol === "https:";
  }

  #signed({ body = NOTHING, method, path }: WireRequest): Record<string, string> {
    return signatureHeaders({ method, path: this.#pathOf(path), body }, this.#secret);
  }

  #pathOf(path: string): string {
    return `${this.#base.pathname.replace(/\/$/, "")}${path}`;
  }
}

/** The whole body as text. @throws DockerRunnerRequestError when it breaks off or is larger than it may be. */
export async function readText(answer: IncomingMessage, maxBytes: number, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > maxBytes) throw new Error(`the answer is larger than ${maxBytes} bytes`);
    }
  } catch (error) {
    throw explain(error, signal);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** What a broken connection means: the caller's own abort, or the network. */
export function explain(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  return networkError(error instanceof Error ? error.message : String(error), error);
}
