import { AppError, systemErrorCode } from "../errors.ts";
import { type DockerEndpoint, DockerRequestError } from "./engine.ts";
import { readHostFacts } from "./host-facts.ts";
import { permissionHint, startHint, unresponsiveHint } from "./start-hints.ts";

/** A create that was refused because another container holds the name. */
export function isNameConflict(error: unknown): boolean {
  return (
    error instanceof DockerRequestError && error.statusCode === 409 && /name .*already in use/i.test(error.message)
  );
}

/** A create that was refused because its image is not there. Other 404s of a create name a network or a mount. */
export function isNoSuchImage(error: unknown): boolean {
  return error instanceof DockerRequestError && error.statusCode === 404 && /image/i.test(error.message);
}

/** Waits for an answer; null for the refusals that mean "already so". */
export async function nullWhen<T>(statusCodes: number[], answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof DockerRequestError && statusCodes.includes(error.statusCode)) return null;
    throw error;
  }
}

/** What one failed call meant, in the terms of product.md §7. Errors that are already ours pass through. */
export function toDockerError(error: unknown, endpoint: DockerEndpoint): Error {
  if (error instanceof AppError || error instanceof DockerRequestError) return error;
  const code = systemErrorCode(error) ?? "";
  const where = `${endpoint.url} (${endpoint.source})`;
  const host = readHostFacts();
  if (code === "EACCES" || code === "EPERM") {
    const { text, actions } = permissionHint(endpoint);
    return new AppError("DOCKER_PERMISSION_DENIED", `No permission to use Docker at ${where}`, {
      hint: text,
      actions,
      cause: error,
    });
  }
  if (code.startsWith("HPE_")) return noEngineError(endpoint, error);
  if (CONNECTION_CODES.has(code)) {
    const { text, actions } = startHint(endpoint, host);
    return new AppError("DOCKER_NOT_RUNNING", `Docker is not running at ${where}: ${CONNECTION_CODES.get(code)}`, {
      hint: text,
      actions,
      retryable: true,
      cause: error,
    });
  }
  return error instanceof Error ? error : new Error(String(error));
}

/** The error of an answer that no engine gives: no HTTP, or no JSON. */
export function noEngineError(endpoint: DockerEndpoint, cause?: unknown): AppError {
  const { text, actions } = startHint(endpoint, readHostFacts());
  const where = `${endpoint.url} (${endpoint.source})`;
  return new AppError("DOCKER_UNRESPONSIVE", `What listens at ${where} is no Docker engine`, {
    hint: text,
    actions,
    cause,
  });
}

/** The error of a call that outlived its deadline. */
export function unresponsiveError(endpoint: DockerEndpoint, what: string, deadlineMs: number): AppError {
  const { text, actions } = unresponsiveHint(endpoint, readHostFacts());
  const where = `${endpoint.url} (${endpoint.source})`;
  return new AppError(
    "DOCKER_UNRESPONSIVE",
    `Docker at ${where} did not answer ${what} within ${deadlineMs / 1000} s`,
    {
      hint: text,
      actions,
      retryable: true,
    },
  );
}

/** Errors of a socket whose engine is not there, or went away in the middle of a call. */
const CONNECTION_CODES = new Map([
  ["ECONNREFUSED", "nobody serves it"],
  ["ENOENT", "there is no socket"],
  ["ENOTDIR", "there is no socket"],
  ["ECONNRESET", "the connection broke"],
  ["EPIPE", "the connection broke"],
  ["ECONNABORTED", "the connection broke"],
  ["ERR_STREAM_PREMATURE_CLOSE", "the connection broke"],
  ["ENOTFOUND", "the host is not known"],
  ["EAI_AGAIN", "the host's name cannot be resolved"],
  ["EHOSTUNREACH", "the host is not reachable"],
  ["ENETUNREACH", "the network is not reachable"],
  ["EHOSTDOWN", "the host is down"],
  ["ETIMEDOUT", "the connection timed out"],
]);
