import { closeSync, fdatasync, openSync } from "node:fs";
import { promisify } from "node:util";

const datasync = promisify(fdatasync);

/** Makes commits survive a loss of power, many at a time. */
export interface WalSync {
  /** Resolves once everything committed before this call is on the disk. @throws the system's error. */
  flush(): Promise<void>;
  /** Once what was asked for has ended; then nothing more may be asked for. */
  close(): Promise<void>;
}

/**
 * With `synchronous=NORMAL` a commit is in the file but not yet forced to the disk: it survives any death of the
 * process, not a loss of power. Forcing each commit (`FULL`) would block the event loop for every one; here one
 * `fdatasync` of the write-ahead log, off the event loop, serves all that waited for it, and only where an answer
 * promises durability (a recorded step, an end, a new execution). Recovery accepts the log's frames up to the last
 * whole commit, so syncing the log by itself is enough.
 *
 * @param walFile must exist, as it does once the database was written in WAL mode.
 * @throws the system's error.
 */
export function openWalSync(walFile: string): WalSync {
  const file = openSync(walFile, "r+");
  // Once closed, its number is somebody else's.
  let closing: Promise<void> | null = null;
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
      if (closing !== null) return Promise.reject(new Error(`${walFile} is closed`));
      // A sync under way may have begun before this commit: the next one covers it, and all that come until then. With
      // none under way it waits for the rest of this turn of the event loop, whose other requests commit, too.
      next ??= (running?.catch(ignoreForeignFailure) ?? turnOver()).then(() => {
        next = null;
        return start();
      });
      return next;
    },
    close() {
      closing ??= (next ?? running ?? Promise.resolve()).catch(ignoreForeignFailure).then(() => closeSync(file));
      return closing;
    },
  };
}

function turnOver(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Told to those who waited for that sync. */
function ignoreForeignFailure(): void {}
