/** Tells whoever follows a job that there are new events. */
export interface EventBell {
  ring(job: number): void;
  /** @returns the end of listening. */
  listen(job: number, listener: () => void): () => void;
}

export function createEventBell(): EventBell {
  const listeners = new Map<number, Set<() => void>>();
  return {
    ring(job) {
      for (const listener of [...(listeners.get(job) ?? [])]) listener();
    },
    listen(job, listener) {
      const ofJob = listeners.get(job) ?? new Set();
      listeners.set(job, ofJob.add(listener));
      return () => {
        ofJob.delete(listener);
        if (ofJob.size === 0 && listeners.get(job) === ofJob) listeners.delete(job);
      };
    },
  };
}
