import { type Connection, readText, type WireRequest } from "./connection.ts";
import { Silence } from "./deadline.ts";
import { withRetries } from "./retry.ts";
import { parseDocument } from "./stream-frame.ts";

export interface CallOptions {
  signal?: AbortSignal;
}

export interface CallLimits {
  /** For one attempt. */
  requestTimeoutMs: number;
  maxRetries: number;
}

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Calls with one JSON answer, or none. */
export class Calls {
  readonly #connection: Connection;
  readonly #limits: CallLimits;

  constructor(connection: Connection, limits: CallLimits) {
    this.#connection = connection;
    this.#limits = limits;
  }

  get(path: string, options?: CallOptions): Promise<unknown> {
    return this.repeatable({ method: "GET", path }, options);
  }

  post(path: string, body: unknown, options?: CallOptions): Promise<unknown> {
    return this.repeatable(jsonRequest(path, body), options);
  }

  /** Once more after a failure that may pass: for calls whose repetition changes nothing. */
  repeatable(request: WireRequest, options: CallOptions & { timeoutMs?: number } = {}): Promise<unknown> {
    const { signal, timeoutMs = this.#limits.requestTimeoutMs } = options;
    return this.retrying(() => this.once(request, { signal, timeoutMs }), signal);
  }

  retrying<T>(attempt: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    return withRetries(attempt, { maxRetries: this.#limits.maxRetries, signal });
  }

  /** One attempt; null waits for as long as it takes. */
  async once(
    request: WireRequest,
    { signal, timeoutMs }: { signal: AbortSignal | undefined; timeoutMs: number | null },
  ): Promise<unknown> {
    const silence = new Silence("an answer", signal);
    silence.allow(timeoutMs);
    try {
      const answer = await this.#connection.send(request, silence.signal);
      const text = await readText(answer, MAX_ANSWER_BYTES, silence.signal);
      return text === "" ? undefined : parseDocument(text);
    } finally {
      silence.end();
    }
  }
}

export function jsonRequest(path: string, body: unknown): WireRequest {
  const headers = { "content-type": "application/json" };
  return { method: "POST", path, headers, body: Buffer.from(JSON.stringify(body)) };
}
