import { fdatasync, openSync } from "node:fs";
import { promisify } from "node:util";

const datasync = promisify(fdatasync);

/** Makes commits survive a loss of power, many at a time. */
export interface WalSync {
  /** Resolves once everything committed before this call is on the disk. */
  flush(): Promise<void>;
}

/**
 * With `synchronous=NORMAL` a commit survives any death of the process, not a loss of power. Forcing each one would
 * stop the event loop; here one `fdatasync` of the write-ahead log serves all that waited for it, and only where an
 * answer promises that something is kept. The file stays open as long as the process lives.
 */
export function openWalSync(databaseFile: string): WalSync {
  const file = openSync(`${databaseFile}-wal`, "r+");
  let running: Promise<void> | null = null;
  let next: Promise<void> | null = null;
  const start = (): Promise<void> => {
    running = datasync(file).finally(() => {
      running = null;
    });
    return running;
  };
  return {
    flush() {
      if (running === null) return start();
      // The one under way may have begun before this commit; the next covers it, and all that come until then.
      next ??= running
        .catch(() => {}) // Told to those who waited for that one.
        .then(() => {
          next = null;
          return start();
        });
      return next;
    },
  };
}
