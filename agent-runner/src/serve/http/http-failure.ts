/** An answer that is an error: `{"error":{"code","message","job_id"?,"details"?}}`. */
export class HttpFailure extends Error {
  override readonly name = "HttpFailure";
  readonly status: number;
  readonly code: string;
  readonly jobId: string | null;
  readonly details: FieldProblem[] | null;
  readonly headers: Record<string, string>;

  constructor(status: number, code: string, message: string, extra: Partial<FailureExtra> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.jobId = extra.jobId ?? null;
    this.details = extra.details ?? null;
    this.headers = extra.headers ?? {};
  }

  toBody(): object {
    return {
      error: {
        code: this.code,
        message: this.message,
        ...(this.jobId === null ? {} : { job_id: this.jobId }),
        ...(this.details === null ? {} : { details: this.details }),
      },
    };
  }
}

export interface FieldProblem {
  field: string;
  message: string;
}

interface FailureExtra {
  jobId: string;
  details: FieldProblem[];
  headers: Record<string, string>;
}
