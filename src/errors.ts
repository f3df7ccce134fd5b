/**
 * Expected failures. A fault that a user can meet is an {@link AppError}, made where its cause is known and
 * rendered in one place; any other exception is a bug of ours.
 */

export const ERROR_CODES = [
  "DOCKER_NOT_INSTALLED",
  "DOCKER_NOT_RUNNING",
  "DOCKER_PERMISSION_DENIED",
  "DOCKER_UNRESPONSIVE",
  "IMAGE_MISSING",
  "IMAGE_PULL_FAILED",
  "IMAGE_BUILD_FAILED",
  "PORT_IN_USE",
  "CONTAINER_NAME_TAKEN",
  "START_TIMEOUT",
  "COMPONENT_EXITED",
  "STOP_TIMEOUT",
  "NOT_RUNNING",
  "START_IN_PROGRESS",
  "VERSION_MISMATCH",
  "STATE_DAMAGED",
  "CONFIG_INVALID",
  "USAGE",
  "DEFINITION_INVALID",
  "NOT_FOUND",
  "LLM_UNAVAILABLE",
  "EXECUTION_FAILED",
  "EXECUTION_CANCELLED",
  "EXECUTION_TIMED_OUT",
  "DISK_FULL",
  "PERMISSION_DENIED",
  "INTERRUPTED",
  "INTERNAL",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** A next step for the user: what it does, and the command to type. */
export interface Action {
  label: string;
  command: string;
}

/** One mistake in a definition; `line` counts from 1. */
export interface DefinitionIssue {
  file: string;
  line: number | null;
  field: string;
  message: string;
  suggestion: string | null;
}

/** The `error` member of the JSON envelope. */
export interface ErrorBody {
  code: ErrorCode;
  message: string;
  detail: string | null;
  hint: string | null;
  retryable: boolean;
  actions: Action[];
  issues?: DefinitionIssue[];
}

export interface AppErrorOptions {
  detail?: string | null;
  hint?: string | null;
  retryable?: boolean;
  actions?: Action[];
  issues?: DefinitionIssue[];
  cause?: unknown;
}

/** A failure the user can act upon. `message` is the cause in one sentence, without a final full stop. */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly detail: string | null;
  readonly hint: string | null;
  readonly retryable: boolean;
  readonly actions: Action[];
  readonly issues: DefinitionIssue[] | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.detail = options.detail ?? null;
    this.hint = options.hint ?? null;
    this.retryable = options.retryable ?? false;
    this.actions = options.actions ?? [];
    this.issues = options.issues;
  }

  toBody(): ErrorBody {
    return {
      code: this.code,
      message: this.message,
      detail: this.detail,
      hint: this.hint,
      retryable: this.retryable,
      actions: this.actions,
      ...(this.issues === undefined ? {} : { issues: this.issues }),
    };
  }

  /** Rebuilds an error that crossed a process boundary as JSON. */
  static fromBody(body: ErrorBody): AppError {
    return new AppError(body.code, body.message, body);
  }
}

const EXIT_CODES: Partial<Record<ErrorCode, number>> = {
  USAGE: 2,
  CONFIG_INVALID: 2,
  DEFINITION_INVALID: 2,
  NOT_RUNNING: 3,
  DOCKER_NOT_INSTALLED: 5,
  DOCKER_NOT_RUNNING: 5,
  DOCKER_PERMISSION_DENIED: 5,
  DOCKER_UNRESPONSIVE: 5,
  IMAGE_MISSING: 6,
  PORT_IN_USE: 7,
  CONTAINER_NAME_TAKEN: 7,
  START_TIMEOUT: 8,
  STOP_TIMEOUT: 8,
  EXECUTION_TIMED_OUT: 8,
  EXECUTION_FAILED: 9,
  EXECUTION_CANCELLED: 10,
  INTERRUPTED: 130,
};

/** The process exit code of an error (product.md §6 and §13). SIGTERM's 143 is decided by the signal policy. */
export function exitCodeOf(code: ErrorCode): number {
  return EXIT_CODES[code] ?? 1;
}

/** The `code` of a Node system error such as `ENOENT`, else null. */
export function systemErrorCode(error: unknown): string | null {
  if (!(error instanceof Error) || !("code" in error)) return null;
  return typeof error.code === "string" ? error.code : null;
}
