import type { Clock } from "../../platform/clock.ts";

/** Makes a write that nobody waits for: at once, and again for as long as it fails and is still needed. */
export type Persist = (write: () => void, isNeeded: () => boolean) => void;

/** After a write that failed, on a full disk for instance, in milliseconds. */
const RETRY_MS = 1_000;

export function createPersist(options: {
  clock: Clock;
  /** Aborted when the server ends: the next one finds what was not written. */
  closing: AbortSignal;
  onFault: (error: unknown) => void;
}): Persist {
  const { clock, closing, onFault } = options;
  const persist: Persist = (write, isNeeded) => {
    if (closing.aborted || !isNeeded()) return;
    try {
      write();
    } catch (error) {
      onFault(error);
      clock.setTimer(() => persist(write, isNeeded), RETRY_MS);
    }
  };
  return persist;
}
