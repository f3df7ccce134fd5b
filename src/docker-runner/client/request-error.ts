import type { IncomingMessage } from "node:http";
import type { ErrorAnswer } from "./wire.ts";

/** A call that docker-runner refused, or that never reached it (status 0, `network_error`). */
export class DockerRunnerRequestError extends Error {
  override readonly name = "DockerRunnerRequestError";
  /** Of HTTP; 0 when no answer came. */
  readonly statusCode: number;
  readonly errorCode: string;
  /** The same call may succeed later. */
  readonly retryable: boolean;
  /** Of an exec that timed out: the output so far. */
  readonly details: unknown;
  /** How long the service asks to wait; 0 when it does not say. */
  readonly retryAfterMs: number;

  constructor(statusCode: number, answer: ErrorAnswer, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(answer.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.statusCode = statusCode;
    this.errorCode = answer.code;
    this.retryable = answer.retryable;
    this.details = answer.details;
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}

export function networkError(message: string, cause?: unknown): DockerRunnerRequestError {
  return new DockerRunnerRequestError(0, { code: "network_error", message, retryable: true }, { cause });
}

/** What an answer that is no success says; a proxy's own page is told by its status. */
export function toRequestError(
  { headers, statusCode = 0 }: Pick<IncomingMessage, "headers" | "statusCode">,
  body: string,
): DockerRunnerRequestError {
  const answer = readErrorAnswer(body) ?? {
    code: `http_${statusCode}`,
    message: `the service answered with status ${statusCode}`,
    retryable: statusCode === 429 || statusCode >= 500,
  };
  const seconds = Number(headers["retry-after"] ?? 0);
  return new DockerRunnerRequestError(statusCode, answer, { retryAfterMs: seconds > 0 ? seconds * 1_000 : 0 });
}

/** Of an `{"error": …}` document; null when it is none. */
function readErrorAnswer(text: string): ErrorAnswer | null {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return null; // Not from docker-runner: its answers are JSON.
  }
  return typeof document === "object" && document !== null && "error" in document
    ? toErrorAnswer(document.error)
    : null;
}

export function toErrorAnswer(value: unknown): ErrorAnswer | null {
  if (typeof value !== "object" || value === null) return null;
  const { code, details, message, retryable }: Partial<Record<keyof ErrorAnswer, unknown>> = value;
  if (typeof code !== "string" || typeof message !== "string") return null;
  return { code, message, retryable: retryable === true, ...(details === undefined ? {} : { details }) };
}
