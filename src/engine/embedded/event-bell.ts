/** Wakes those who follow an execution when its event log grew. Rings are not kept: look first, then wait. */
export class EventBell {
  readonly #waiting = new Map<string, Set<() => void>>();

  ring(executionId: string): void {
    const waiting = this.#waiting.get(executionId);
    this.#waiting.delete(executionId);
    for (const wake of waiting ?? []) wake();
  }

  ringAll(): void {
    for (const executionId of [...this.#waiting.keys()]) this.ring(executionId);
  }

  /** Resolves at the next ring, or when `signal` aborts. Begin to wait in the same turn in which the log was read. */
  wait(executionId: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const waiting = this.#waiting.get(executionId) ?? new Set();
      this.#waiting.set(executionId, waiting);
      const wake = (): void => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = (): void => {
        waiting.delete(wake);
        if (waiting.size === 0 && this.#waiting.get(executionId) === waiting) this.#waiting.delete(executionId);
        resolve();
      };
      waiting.add(wake);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }
}
