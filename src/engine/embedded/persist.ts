import type { Clock } from "../../platform/clock.ts";

/** Makes a write that nobody waits for: at once, and again for as long as it fails and is still needed. */
export type Persist = (write: () => void, isNeeded: () => boolean) => void;

/** After a write that failed, on a full disk for instance, in milliseconds. */
const RETRY_MS = 1_000;

export function createPersist({ clock, onFault }: { clock: Clock; onFault: (error: unknown) => void }): Persist {
  const persist: Persist = (write, isNeeded) => {
    if (!isNeeded()) return;
    try {
      write();
    } catch (error) {
      onFault(error);
      clock.setTimer(() => persist(write, isNeeded), RETRY_MS);
    }
  };
  return persist;
}
