import { ExecutionFailure } from "../agent/execution-failure.ts";

export interface ModelFailureOptions {
  code: ExecutionFailure["code"];
  /** Whether the same request may succeed when it is sent again. */
  repeatable: boolean;
  /** How long the service asked to be left alone, in milliseconds. */
  retryAfterMs?: number | null;
  cause?: unknown;
}

/** Why a model call failed. */
export class ModelFailure extends ExecutionFailure {
  override readonly name = "ModelFailure";
  readonly repeatable: boolean;
  readonly retryAfterMs: number | null;

  constructor(message: string, { code, repeatable, retryAfterMs, cause }: ModelFailureOptions) {
    super(code, message, { cause });
    this.repeatable = repeatable;
    this.retryAfterMs = retryAfterMs ?? null;
  }
}
