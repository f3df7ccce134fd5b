import { rmSync, stat, utimes } from "node:fs";
import { dirname } from "node:path";
import { AppError, systemErrorCode } from "../errors.ts";
import { sleep } from "./clock.ts";
import { ensureDirectory } from "./directories.ts";
import { toFileError } from "./file-error.ts";
import { entryFor, freeLock, type Holder, listPrepared, readHolder, takeLock } from "./lock-directory.ts";
import { identify, isAlive } from "./process-identity.ts";
import { quoteForShell } from "./shell-quote.ts";

export interface LockOptions {
  /** What the lock protects, as a noun phrase: "the start of the stack". */
  what: string;
  /** How long a holder that is alive is waited for. */
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/**
 * Runs `work` while no other process of this machine runs work under the same path. For short sections. The lock of a holder
 * that was killed is taken at once, that of a live one never, however old it is. Not reentrant.
 *
 * @throws AppError START_IN_PROGRESS naming the holder after `timeoutMs`; STATE_DAMAGED when something else is in the lock's
 *   place, or took it away while `work` ran; `options.signal.reason` when aborted; else what `work` throws.
 */
export async function withLock<T>(path: string, work: () => Promise<T>, options: LockOptions): Promise<T> {
  await ensureDirectory(dirname(path));
  const lock = await acquire(path, options);
  let result: T;
  try {
    await removeLeftovers(path);
    result = await work();
  } catch (error) {
    await lock.release(); // The work's error is the one to tell.
    throw error;
  }
  if (!(await lock.release())) throw lostError(path);
  return result;
}

/**
 * Frees the lock of a holder that was killed and clears away what others had prepared when they were; without waiting, and
 * without touching the lock of a live one.
 *
 * @throws AppError STATE_DAMAGED when something else is in the lock's place.
 */
export async function clearDeadLock(path: string): Promise<void> {
  const holder = holderOf(path);
  if (holder !== null && !(await isAlive(holder))) freeLock(path, holder.entry);
  await removeLeftovers(path);
}

interface HeldLock {
  /** False when it was no longer ours. */
  release(): Promise<boolean>;
}

const FIRST_DELAY_MS = 5;
const LAST_DELAY_MS = 100;

async function acquire(path: string, { what, timeoutMs, signal }: LockOptions): Promise<HeldLock> {
  const deadline = performance.now() + timeoutMs;
  const entry = await newEntry();
  for (let delayMs = FIRST_DELAY_MS; ; ) {
    signal?.throwIfAborted();
    const lock = await tryToTake(path, entry);
    if (lock !== null) return lock;
    const holder = holderOf(path);
    if (holder === null) continue;
    if (!(await isAlive(holder))) {
      freeLock(path, holder.entry);
      continue;
    }
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) throw inProgressError(what, timeoutMs, holder.pid);
    // Jitter, so that many who wait do not all come back at once.
    await sleep(Math.min(leftMs, delayMs * (0.5 + Math.random())), { signal });
    delayMs = Math.min(delayMs * 2, LAST_DELAY_MS);
  }
}

async function newEntry(): Promise<string> {
  const me = await identify(process.pid);
  if (me === null) throw new Error("this process cannot find its own start time");
  return entryFor(me);
}

/**
 * proper-lockfile keeps the books: it refuses a lock that is held, and frees ours when this process exits in the middle. Its own
 * idea of a dead holder, a lock that was not touched for a while, is switched off by an infinite `stale`: a machine that
 * slept and a holder that was stopped are no dead holders. Whose the lock is, is settled by its entry alone.
 */
async function tryToTake(path: string, entry: string): Promise<HeldLock | null> {
  // Its default, since the names of a CommonJS module are lost in the bundle.
  const {
    default: { lock },
  } = await import("proper-lockfile");
  let wasOurs = true;
  let isOnTheBooks = true;
  const free = () => {
    wasOurs = freeLock(path, entry);
  };
  const fs = {
    mkdir: callingBack(() => takeLock(path, entry)),
    rmdir: callingBack(free),
    rmdirSync: free,
    stat,
    utimes,
  };
  const onCompromised = () => {
    isOnTheBooks = false; // Somebody touched the lock, or took it away: `free` will see which.
  };
  const options = { lockfilePath: path, realpath: false, stale: Number.POSITIVE_INFINITY, update: TOUCH_MS };
  try {
    const release = await lock(path, { ...options, fs, onCompromised });
    return {
      release: async () => {
        if (isOnTheBooks) await release();
        else free();
        return wasOurs;
      },
    };
  } catch (error) {
    if (systemErrorCode(error) === "ELOCKED") return null;
    throw toFileError(error, path);
  }
}

/** proper-lockfile wants to touch its directory now and then; without a number, half of infinity would be a timer of 1 ms. */
const TOUCH_MS = 60_000;

/** proper-lockfile calls its file system with a callback. */
function callingBack(action: () => void) {
  return (_path: string, callback: (error: unknown) => void): void => {
    let failure: unknown = null;
    try {
      action();
    } catch (error) {
      failure = error;
    }
    callback(failure);
  };
}

/** What was prepared by processes that were killed before they could take the lock. */
async function removeLeftovers(path: string): Promise<void> {
  for (const prepared of listPrepared(path)) {
    if (!(await isAlive(prepared.holder))) rmSync(prepared.path, { recursive: true, force: true });
  }
}

function holderOf(path: string): Holder | null {
  try {
    return readHolder(path);
  } catch (error) {
    if (!(error instanceof TypeError)) throw toFileError(error, path);
    throw new AppError("STATE_DAMAGED", `${path} holds something that stigmer did not put there`, {
      hint: "When no other stigmer runs, delete it",
      actions: [{ label: "Delete it", command: `rm -r ${quoteForShell(path)}` }],
      cause: error,
    });
  }
}

function inProgressError(what: string, timeoutMs: number, pid: number): AppError {
  const seconds = Number((timeoutMs / 1000).toFixed(1));
  return new AppError("START_IN_PROGRESS", `process ${pid} is still at ${what} after ${seconds} s`, {
    hint: "Try again when it is done",
    retryable: true,
    actions: [{ label: "See what it is", command: `ps -o pid,stat,etime,args -p ${pid}` }],
  });
}

function lostError(path: string): AppError {
  return new AppError("STATE_DAMAGED", `${path} was taken away while it was held`, {
    hint: "See that the stack is as it should be: stigmer server status",
    retryable: true,
  });
}
