import { type IncomingMessage, type RequestOptions, request } from "node:http";
import { AppError, type ErrorBody, systemErrorCode } from "../errors.ts";

/** The server went away in the middle of an answer; what was read before is valid. To a user it is NOT_RUNNING. */
export class ServerGoneError extends AppError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super("NOT_RUNNING", message, {
      ...options,
      retryable: true,
      actions: [
        { label: "See what is left of the stack", command: "stigmer server status" },
        { label: "Start it again", command: "stigmer server start" },
      ],
    });
  }
}

/** Whether a call failed because the server is not there any more, or went away meanwhile. */
export function isServerGone(error: unknown): boolean {
  if (error instanceof ServerGoneError) return true;
  // The server itself says NOT_RUNNING, too, of a start that a stop ended; that one has no system error behind it.
  return error instanceof AppError && error.code === "NOT_RUNNING" && systemErrorCode(error.cause) !== null;
}

interface CallOptions {
  signal?: AbortSignal;
  /** Until the answer's headers are there, in milliseconds. None by default: long calls are long on purpose. */
  timeoutMs?: number;
}

/**
 * Speaks to a server over its socket. Every method throws the AppError that the server answered with, and
 * NOT_RUNNING when nobody listens.
 */
export class ServerClient {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** The parsed JSON answer; its shape is the route's promise. */
  async request<T = unknown>(method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<T> {
    const response = await this.#send(method, path, body, options);
    const text = await readText(response);
    const value = parseBody(text, path);
    if ((response.statusCode ?? 500) >= 400) throw toAppError(value, response.statusCode ?? 500);
    return value as T;
  }

  /** The records of a newline-delimited answer as they arrive. @throws ServerGoneError when it breaks off. */
  async *stream(method: string, path: string, body?: unknown, options: CallOptions = {}): AsyncIterable<unknown> {
    const response = await this.#send(method, path, body, options);
    if ((response.statusCode ?? 500) >= 400) {
      throw toAppError(parseBody(await readText(response), path), response.statusCode ?? 500);
    }
    try {
      for await (const line of splitLines(response)) {
        if (line !== "") yield JSON.parse(line);
      }
    } catch (error) {
      options.signal?.throwIfAborted();
      if (isBrokenConnection(error)) throw new ServerGoneError("The server went away", { cause: error });
      throw error;
    } finally {
      response.destroy();
    }
  }

  #send(method: string, path: string, body: unknown, options: CallOptions): Promise<IncomingMessage> {
    const payload = body === undefined ? null : Buffer.from(JSON.stringify(body));
    const requestOptions: RequestOptions = {
      socketPath: this.#socketPath,
      method,
      path,
      agent: false,
      headers: payload === null ? {} : { "content-type": "application/json", "content-length": payload.length },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    };
    return new Promise((resolve, reject) => {
      const call = request(requestOptions, (response) => {
        clearTimeout(timer);
        resolve(response);
      });
      const timer =
        options.timeoutMs === undefined
          ? undefined
          : setTimeout(() => call.destroy(new ServerGoneError("The server does not answer")), options.timeoutMs);
      call.on("error", (error) => {
        clearTimeout(timer);
        if (options.signal?.aborted) reject(options.signal.reason);
        else reject(toConnectionError(error));
      });
      call.end(payload ?? undefined);
    });
  }
}

function toConnectionError(error: Error): Error {
  const code = systemErrorCode(error);
  if (code === "ENOENT" || code === "ECONNREFUSED") {
    return new AppError("NOT_RUNNING", "The stack is not running", {
      actions: [{ label: "Start it", command: "stigmer server start" }],
      cause: error,
    });
  }
  if (isBrokenConnection(error)) return new ServerGoneError("The server went away", { cause: error });
  return error;
}

function isBrokenConnection(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === "ECONNRESET" || code === "EPIPE" || code === "ERR_STREAM_PREMATURE_CLOSE";
}

function toAppError(value: unknown, status: number): Error {
  if (typeof value === "object" && value !== null && "error" in value) {
    return AppError.fromBody(value.error as ErrorBody);
  }
  return new Error(`the server answered ${status} without an error body`);
}

function parseBody(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ServerGoneError(`The server's answer to ${path} is cut off`, { cause: error });
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (error) {
    throw isBrokenConnection(error) ? new ServerGoneError("The server went away", { cause: error }) : error;
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function* splitLines(response: IncomingMessage): AsyncIterable<string> {
  response.setEncoding("utf8");
  let rest = "";
  for await (const chunk of response) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
