/** A failure that the user can act upon: told as it is, without a stack. */
export class StepError extends Error {
  /** @override */
  name = "StepError";

  /**
   * @param {string} message
   * @param {number} [exitCode]
   */
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
