import type { IncomingMessage } from "node:http";
import { abortable, createDeadline, type Deadline } from "./deadline.ts";
import { type CallOptions, type DockerEndpoint, DockerRequestError } from "./engine.ts";
import { noEngineError, toDockerError, unresponsiveError } from "./errors.ts";

export interface EngineRequest {
  method: "GET" | "POST" | "PUT" | "DELETE";
  /** Without the version, as `/containers/json`. */
  path: string;
  query?: Record<string, string | string[]>;
  body?: object;
  /** Sent as it is, as `application/x-tar`. */
  upload?: Buffer | NodeJS.ReadableStream;
  headers?: Record<string, string>;
}

/** Deadlines of a streamed answer: for its head, and for each silence while its reader waits. Null is no deadline. */
export interface StreamOptions {
  headersTimeoutMs: number | null;
  idleTimeoutMs: number | null;
  signal?: AbortSignal | undefined;
}

export interface EngineStream {
  contentType: string;
  /** The body, one buffer ahead of its reader. Leaving the loop ends the request. Must be read. */
  chunks: AsyncIterable<Buffer>;
}

/** The deadline of a whole call; null where its signal carries one. */
export interface CallLimits {
  timeoutMs: number | null;
  signal?: AbortSignal | undefined;
}

export interface EngineAnswer {
  statusCode: number;
  /** Parsed JSON; the text of an empty answer and of `_ping`. */
  body: unknown;
  /** The answer as it came, for those who pass it on. */
  text: string;
}

/** Sends one request and answers with the head of whatever comes back, of any status. `prefix`: the API's version. */
export type Dial = (request: EngineRequest, prefix: string, signal: AbortSignal) => Promise<IncomingMessage>;

/** Requests to one engine, each under a deadline; a status from 400 on rejects with a DockerRequestError. */
export interface Transport {
  readonly endpoint: DockerEndpoint;
  call(request: EngineRequest, options: CallLimits): Promise<EngineAnswer>;
  stream(request: EngineRequest, options: StreamOptions): Promise<EngineStream>;
  /** A request that is dialled in another way than the transport's own, such as one that takes over its connection. */
  reach<T>(
    request: EngineRequest,
    options: CallLimits,
    dial: (prefix: string, signal: AbortSignal) => Promise<T>,
  ): Promise<T>;
}

/**
 * The newest API version whose documents this code was written against. Engine 29 refuses those below it, and every
 * engine from 25 on speaks it; older ones get their own version.
 */
const NEWEST_KNOWN_API = "1.44";
const PING = "/_ping";
const NEGOTIATION_TIMEOUT_MS = 5_000;

/** The calls to an endpoint; the engine need not be there yet. */
export function createTransport(endpoint: DockerEndpoint, dial: Dial): Transport {
  let negotiated: Promise<string> | null = null;

  /** Kept while the engine lives, asked again after it was gone: another version may be back. */
  function negotiate(): Promise<string> {
    negotiated ??= ask(endpoint, (signal) => dial({ method: "GET", path: PING }, "", signal)).catch(
      (error: unknown) => {
        negotiated = null;
        throw error;
      },
    );
    return negotiated;
  }

  async function open(request: EngineRequest, deadline: Deadline): Promise<IncomingMessage> {
    const prefix = request.path === PING ? "" : await abortable(negotiate(), deadline.signal);
    deadline.signal.throwIfAborted();
    const response = await dial(request, prefix, deadline.signal);
    if ((response.statusCode ?? 0) < 400) return response;
    throw refusal(response.statusCode ?? 0, await readText(response));
  }

  function explain(error: unknown, deadline: Deadline): unknown {
    if (deadline.signal.aborted) return deadline.signal.reason;
    if (!(error instanceof DockerRequestError)) negotiated = null;
    return toDockerError(error, endpoint);
  }

  function startDeadline(request: EngineRequest, timeoutMs: number | null, signal: AbortSignal | undefined): Deadline {
    const what = `${request.method} ${request.path}`;
    const deadline = createDeadline(signal, (deadlineMs) => unresponsiveError(endpoint, what, deadlineMs));
    deadline.arm(timeoutMs);
    return deadline;
  }

  async function* readChunks(response: IncomingMessage, deadline: Deadline, idleTimeoutMs: number | null) {
    const reader = response[Symbol.asyncIterator]();
    try {
      for (;;) {
        deadline.arm(idleTimeoutMs);
        const { done, value } = await reader.next();
        deadline.disarm(); // A slow reader is no silence of the engine.
        if (done) {
          deadline.signal.throwIfAborted(); // An aborted answer may end as if it were whole.
          return;
        }
        yield value as Buffer; // No encoding is set: chunks are bytes.
      }
    } catch (error) {
      throw explain(error, deadline);
    } finally {
      deadline.end();
      response.destroy();
    }
  }

  return {
    endpoint,
    async call(request, { timeoutMs, signal }) {
      const deadline = startDeadline(request, timeoutMs, signal);
      try {
        const response = await open(request, deadline);
        const text = await readText(response);
        const body = parseJson(text);
        if (typeof body === "string" && body !== "" && request.path !== PING) throw noEngineError(endpoint);
        return { statusCode: response.statusCode ?? 0, body, text };
      } catch (error) {
        throw explain(error, deadline);
      } finally {
        deadline.end();
      }
    },
    async stream(request, { headersTimeoutMs, idleTimeoutMs, signal }) {
      const deadline = startDeadline(request, headersTimeoutMs, signal);
      try {
        const response = await open(request, deadline);
        deadline.disarm();
        const chunks = readChunks(response, deadline, idleTimeoutMs);
        return { contentType: response.headers["content-type"] ?? "", chunks };
      } catch (error) {
        deadline.end();
        throw explain(error, deadline);
      }
    },
    async reach(request, { timeoutMs, signal }, dialIt) {
      const deadline = startDeadline(request, timeoutMs, signal);
      try {
        return await dialIt(await abortable(negotiate(), deadline.signal), deadline.signal);
      } catch (error) {
        throw explain(error, deadline);
      } finally {
        deadline.end();
      }
    },
  };
}

/** The deadline of a call: its own default unless the caller says otherwise. */
export function within(defaultMs: number, options: CallOptions = {}): CallOptions & { timeoutMs: number } {
  return { ...options, timeoutMs: options.timeoutMs ?? defaultMs };
}

/** Reads a streamed answer to its end, as JSON. */
export async function readJson({ chunks }: EngineStream): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return parseJson(Buffer.concat(parts).toString());
}

/** The path prefix of the API version that both sides speak; none where the engine does not tell, as Podman's older ones. */
async function ask(endpoint: DockerEndpoint, ping: (signal: AbortSignal) => Promise<IncomingMessage>): Promise<string> {
  const deadline = createDeadline(undefined, (deadlineMs) => unresponsiveError(endpoint, `GET ${PING}`, deadlineMs));
  deadline.arm(NEGOTIATION_TIMEOUT_MS);
  try {
    const response = await ping(deadline.signal);
    const version = response.headers["api-version"];
    const text = await readText(response);
    if ((response.statusCode ?? 0) >= 400) throw refusal(response.statusCode ?? 0, text);
    return typeof version === "string" ? `/v${olderOf(version, NEWEST_KNOWN_API)}` : "";
  } catch (error) {
    throw deadline.signal.aborted ? deadline.signal.reason : error;
  } finally {
    deadline.end();
  }
}

function olderOf(left: string, right: string): string {
  const [leftMajor = 0, leftMinor = 0] = left.split(".").map(Number);
  const [rightMajor = 0, rightMinor = 0] = right.split(".").map(Number);
  return leftMajor < rightMajor || (leftMajor === rightMajor && leftMinor < rightMinor) ? left : right;
}

/** Reads an answer to its end. By events: an iterator costs a tenth of a small call. */
export function readText(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("end", () => resolve(Buffer.concat(chunks).toString()));
    response.on("error", reject);
    // An answer that is cut off may close without an error.
    response.on("close", () => {
      if (!response.readableEnded) reject(cutOff());
    });
  });
}

function cutOff(): Error {
  return Object.assign(new Error("the answer was cut off"), { code: "ECONNRESET" });
}

/** The engine's own sentence; some refusals are plain text. */
export function refusal(statusCode: number, text: string): DockerRequestError {
  const body = parseJson(text);
  const message = typeof body === "object" && body !== null && "message" in body ? String(body.message) : text.trim();
  return new DockerRequestError(statusCode, message === "" ? `HTTP ${statusCode}` : message);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // `_ping` and some refusals answer in plain text.
  }
}
