import { type FileHandle, open } from "node:fs/promises";
import { toFileError } from "../platform/file-error.ts";

/** Makes commits survive a loss of power, many at a time. */
export interface WalSync {
  /** Resolves once everything committed before this call is on the disk. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/**
 * With `synchronous=NORMAL` a commit is in the file but not yet forced to the disk: it survives any death of the
 * process, not a loss of power. Forcing each commit (`FULL`) would block the event loop for every one; here one
 * `fdatasync` of the write-ahead log, off the event loop, serves all that waited for it, and only where an answer
 * promises durability (a recorded step, an end, a new execution). Recovery accepts the log's frames up to the last
 * whole commit, so syncing the log by itself is enough.
 */
export async function openWalSync(databaseFile: string): Promise<WalSync> {
  const path = `${databaseFile}-wal`;
  const file = await open(path, "r+").catch((error: unknown) => {
    throw toFileError(error, path);
  });
  let running: Promise<void> | null = null;
  let next: Promise<void> | null = null;

  const sync = async (): Promise<void> => {
    try {
      await file.datasync();
    } catch (error) {
      throw toFileError(error, path);
    }
  };
  const start = (): Promise<void> => {
    running = sync().finally(() => {
      running = null;
    });
    return running;
  };

  return {
    flush() {
      // A sync under way may have begun before this commit: the next one covers it, and all that come until then. With
      // none under way it waits for the rest of this turn of the event loop, whose other requests commit, too.
      next ??= (running?.catch(ignoreForeignFailure) ?? turnOver()).then(() => {
        next = null;
        return start();
      });
      return next;
    },
    close: () => closeAfter(file, next ?? running),
  };
}

function turnOver(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Told to those who waited for that sync. */
function ignoreForeignFailure(): void {}

async function closeAfter(file: FileHandle, pending: Promise<void> | null): Promise<void> {
  await pending?.catch(ignoreForeignFailure);
  await file.close();
}
