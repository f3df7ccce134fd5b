/** A failure that a user can meet and that ends the execution; the message is the cause, with the next command. */
export class ExecutionFailure extends Error {
  override readonly name: string = "ExecutionFailure";
  readonly code: "LLM_UNAVAILABLE" | "EXECUTION_FAILED";

  constructor(code: ExecutionFailure["code"], message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}
