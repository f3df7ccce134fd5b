import { DockerRequestError } from "../docker/engine.ts";
import { AppError } from "../errors.ts";

/** An answer that is no success, in the words of the API (docker-runner.md §3). */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly statusCode: number;
  readonly code: string;
  readonly retryable: boolean;
  readonly details: unknown;

  constructor(
    statusCode: number,
    code: string,
    message: string,
    { retryable = false, details, cause }: { retryable?: boolean; details?: unknown; cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.statusCode = statusCode;
    this.code = code;
    this.retryable = retryable;
    this.details = details;
  }
}

export interface ApiErrorBody {
  code: string;
  message: string;
  retryable: boolean;
  details?: unknown;
}

export function toErrorBody({ code, details, message, retryable }: ApiError): ApiErrorBody {
  return { code, message, retryable, ...(details === undefined ? {} : { details }) };
}

export function validationError(message: string, details?: unknown): ApiError {
  return new ApiError(400, "validation_error", message, { details });
}

export function policyDenied(message: string): ApiError {
  return new ApiError(403, "policy_denied", message);
}

export function containerNotFound(idOrName: string): ApiError {
  return new ApiError(404, "container_not_found", `there is no container ${JSON.stringify(idOrName)}`);
}

/** Nobody is there to read it, and it is no fault of ours. The status is the one that nginx notes for this. */
export function callerGone(): ApiError {
  return new ApiError(499, "caller_gone", "the caller is gone");
}

/** The service ends: who asks again finds it started again, or gone. */
export function shuttingDown(): ApiError {
  return new ApiError(503, "shutting_down", "the service is shutting down", { retryable: true });
}

/**
 * What a failure means to the caller. Null for what is none of the expected failures: a fault of this service.
 */
export function toApiError(error: unknown): ApiError | null {
  if (error instanceof ApiError) return error;
  if (error instanceof DockerRequestError) return fromRefusal(error);
  if (error instanceof AppError && error.code.startsWith("DOCKER_")) {
    return new ApiError(503, "docker_unavailable", error.message, { retryable: true, cause: error });
  }
  return null;
}

/**
 * Docker's status is ours; the code says what was refused. The engine has no codes, so its sentence is read. What it
 * calls a fault of its own and is the caller's is told as such: asked for again, it would be refused again.
 */
function fromRefusal(error: DockerRequestError): ApiError {
  const { message } = error;
  const [, meant] = (error.statusCode === 500 && MISTAKES.find(([pattern]) => pattern.test(message))) || [];
  const statusCode = meant ?? error.statusCode;
  const code = (REFUSALS.find(([status, pattern]) => status === statusCode && pattern.test(message)) ?? [])[2];
  const options = { cause: error, retryable: statusCode >= 500 };
  return new ApiError(statusCode, code ?? GENERAL_CODES[statusCode] ?? "docker_error", message, options);
}

/** Sentences of a 500, by engines up to 20.10 at the least, with the status that they deserve. */
const MISTAKES: [RegExp, number][] = [
  [/unable to find (user|group)|no matching entries in (passwd|group) file/i, 400],
  [/tar file.*(invalid tar header|unexpected EOF)|extraction point is not a directory/i, 400],
  [/sethostname: invalid argument/i, 400],
  [/port is already allocated|address already in use/i, 409],
];

const REFUSALS: [number, RegExp, string][] = [
  [404, /no such container|container .* not found/i, "container_not_found"],
  [404, /no such exec/i, "exec_not_found"],
  [404, /no such image|manifest unknown|pull access denied|image .*not found/i, "image_not_found"],
  [404, /network .*not found/i, "network_not_found"],
  [404, /could not find the file|no such file/i, "path_not_found"],
  [409, /is not running|is paused|is restarting/i, "container_not_running"],
  [409, /name .*already in use/i, "name_taken"],
  [
    409,
    /cannot remove a running container|container is running|cannot remove container .*: .*running/i,
    "container_running",
  ],
  [409, /volume is in use/i, "volume_in_use"],
  [409, /port is already allocated|address already in use/i, "port_taken"],
];

const GENERAL_CODES: Record<number, string> = {
  304: "not_modified",
  400: "docker_bad_request",
  403: "docker_forbidden",
  404: "not_found",
  409: "conflict",
};
