/** There is no place for another job. */
export class QueueFullError extends Error {
  override readonly name = "QueueFullError";

  constructor({ maxRunning, maxWaiting }: { maxRunning: number; maxWaiting: number }) {
    super(`no room for another job: ${maxRunning} running, ${maxWaiting} waiting`);
  }
}

/** The server ends and takes nothing new. */
export class DrainingError extends Error {
  override readonly name = "DrainingError";

  constructor() {
    super("the server is shutting down");
  }
}

/** The key has started a job, with another body. */
export class IdempotencyConflict extends Error {
  override readonly name = "IdempotencyConflict";
  readonly jobId: string;

  constructor(jobId: string) {
    super("this Idempotency-Key came with another body before");
    this.jobId = jobId;
  }
}
