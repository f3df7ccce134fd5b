import { APICallError } from "@ai-sdk/provider";
import type { ModelChoice } from "../definitions/model-choice.ts";
import { ModelFailure } from "./failure.ts";
import { parseRetryAfterMs } from "./retry-after.ts";

/** Of an answer that explains itself at length, this much is told. */
const LONGEST_REASON = 500;

/** Turns what the SDK threw into the cause and the next command (engine.md §2). */
export function explainFailure(error: unknown, choice: ModelChoice): ModelFailure {
  const own = findOwnFailure(error);
  if (own !== null) return own;
  if (APICallError.isInstance(error)) {
    return error.statusCode === undefined || error.statusCode < 400
      ? explainBrokenAnswer(error, choice)
      : explainStatus(error, error.statusCode, choice);
  }
  return explainBrokenAnswer(error, choice);
}

function explainStatus(error: APICallError, status: number, choice: ModelChoice): ModelFailure {
  const { provider, name, keyVariable } = choice;
  const where = `${provider} at ${choice.baseUrl ?? new URL(error.url).origin}`;
  const reason = shorten(error.message || error.responseBody || "no reason given");
  const unavailable = (message: string) =>
    new ModelFailure(message, { code: "LLM_UNAVAILABLE", repeatable: false, cause: error });
  if (status === 401 || status === 403) {
    const remedy = keyVariable === null ? "name its key's variable in model.api_key_env" : `check ${keyVariable}`;
    return unavailable(`${where} refused the key (${status}): ${remedy}`);
  }
  if (status === 404 && /model/i.test(`${error.message} ${error.responseBody ?? ""}`)) {
    const remedy = provider === "ollama" ? `: get it with "ollama pull ${name}"` : `: ${reason}`;
    return unavailable(`${where} has no model "${name}"${remedy}`);
  }
  if (status === 404)
    return unavailable(`${where} answered 404: check model.base_url, which ends with the version part`);
  return new ModelFailure(`${where} answered ${status}: ${reason}`, {
    code: "EXECUTION_FAILED",
    repeatable: status === 408 || status === 409 || status === 429 || status >= 500,
    retryAfterMs: parseRetryAfterMs(error.responseHeaders ?? {}, Date.now()),
    cause: error,
  });
}

/** Not repeated: a model that does not come to an end would not the next time. */
export function answerTooLong(choice: ModelChoice, limit: string): ModelFailure {
  const where = `${choice.provider}${choice.baseUrl === null ? "" : ` at ${choice.baseUrl}`}`;
  const message = `the answer of ${where} has more than ${limit}: set model.max_tokens`;
  return new ModelFailure(message, { code: "EXECUTION_FAILED", repeatable: false });
}

/** No answer, an answer that was cut, or one that cannot be read. */
function explainBrokenAnswer(error: unknown, choice: ModelChoice): ModelFailure {
  const where = `${choice.provider}${choice.baseUrl === null ? "" : ` at ${choice.baseUrl}`}`;
  const code = findSystemCode(error);
  if (code !== null && NO_CONNECTION.has(code)) {
    const remedy = choice.provider === "ollama" ? ': start it with "ollama serve"' : ": check the address";
    return new ModelFailure(`${where} does not answer (${code})${remedy}`, {
      code: "LLM_UNAVAILABLE",
      repeatable: true,
      cause: error,
    });
  }
  return new ModelFailure(`the answer of ${where} was cut off or unreadable: ${shorten(describe(error))}`, {
    code: "EXECUTION_FAILED",
    repeatable: true,
    cause: error,
  });
}

const NO_CONNECTION = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ETIMEDOUT",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** The `code` of the innermost cause: fetch wraps the system's error, and several addresses give several errors. */
function findSystemCode(error: unknown): string | null {
  for (let inner = error; inner instanceof Error; inner = causeOf(inner)) {
    if ("code" in inner && typeof inner.code === "string") return inner.code;
  }
  return null;
}

/** The SDK wraps what its HTTP client throws. */
function findOwnFailure(error: unknown): ModelFailure | null {
  for (let inner = error; inner instanceof Error; inner = causeOf(inner)) {
    if (inner instanceof ModelFailure) return inner;
  }
  return null;
}

function causeOf(error: Error): unknown {
  return error instanceof AggregateError ? error.errors[0] : error.cause;
}

function describe(error: unknown): string {
  if (error instanceof Error)
    return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
  if (typeof error === "object" && error !== null && "message" in error) return String(error.message);
  return String(error);
}

function shorten(text: string): string {
  return text.length <= LONGEST_REASON ? text : `${text.slice(0, LONGEST_REASON)}…`;
}
