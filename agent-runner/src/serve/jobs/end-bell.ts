/** Tells whoever waits for the end of a job. */
export interface EndBell {
  /** Resolves with the job's end, or with `signal`. */
  wait(id: string, signal: AbortSignal): Promise<void>;
  ring(id: string): void;
}

export function createEndBell(): EndBell {
  const waiting = new Map<string, Set<() => void>>();
  return {
    wait(id, signal) {
      if (signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const ofJob = waiting.get(id) ?? new Set();
        const finish = (): void => {
          ofJob.delete(finish);
          if (ofJob.size === 0 && waiting.get(id) === ofJob) waiting.delete(id);
          signal.removeEventListener("abort", finish);
          resolve();
        };
        waiting.set(id, ofJob.add(finish));
        signal.addEventListener("abort", finish);
      });
    },
    ring(id) {
      for (const finish of [...(waiting.get(id) ?? [])]) finish();
    },
  };
}
