import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { DamagedColumn } from "@stigmer/agent-runner/sql-columns";
import { AppError } from "../errors.ts";
import { quoteForShell } from "../platform/shell-quote.ts";

/** A table whose methods throw what {@link toStoreError} makes of their errors. */
export function withStoreErrors<Table extends object>(table: Table, file: string): Table {
  const guarded = Object.entries(table).map(([name, method]: [string, (...args: unknown[]) => unknown]) => [
    name,
    (...args: unknown[]): unknown => {
      try {
        return method(...args);
      } catch (error) {
        throw toStoreError(error, file);
      }
    },
  ]);
  return Object.fromEntries(guarded) as Table;
}

/**
 * An SQLite failure as what the user can do about it: STATE_DAMAGED, DISK_FULL, PERMISSION_DENIED. Anything else is
 * returned as it is.
 */
export function toStoreError(error: unknown, file: string): unknown {
  if (error instanceof AppError) return error;
  if (error instanceof DamagedColumn) return damagedValue(error);
  const code = sqliteCode(error);
  if (code === null) return error;
  if (code.startsWith("SQLITE_CORRUPT") || code.startsWith("SQLITE_NOTADB"))
    return damaged(file, messageOf(error), error);
  // SQLite has a code of its own for a full disk, but not where it enlarges its shared memory, nor where it makes a file.
  const isFull = code.startsWith("SQLITE_FULL") || code === "SQLITE_IOERR_SHMSIZE";
  if (isFull || (code.startsWith("SQLITE_CANTOPEN") && hasNoRoom(dirname(file)))) {
    return new AppError("DISK_FULL", `The disk is full: ${file} cannot be written`, {
      hint: "Free some space, then run the command again",
      retryable: true,
      actions: [{ label: "See what is full", command: `df -h ${quoteForShell(file)}` }],
      cause: error,
    });
  }
  if (/^SQLITE_(READONLY|CANTOPEN|PERM|AUTH)/.test(code)) {
    return new AppError("PERMISSION_DENIED", `The database ${file} cannot be opened for writing`, {
      detail: messageOf(error),
      actions: [{ label: "See who owns it", command: `ls -l ${quoteForShell(file)}` }],
      cause: error,
    });
  }
  return error;
}

/** The database is there and cannot be used; its bytes are left alone. */
export function damaged(file: string, detail: string, cause?: unknown): AppError {
  return new AppError("STATE_DAMAGED", `The database ${file} is damaged`, {
    detail,
    hint: "Nothing in it was changed. Move it away to begin with an empty one; definitions have to be applied again",
    actions: [{ label: "Move it away", command: moveAway(file) }],
    cause,
  });
}

/** Its pages are sound, and a value in one is not. */
function damagedValue(error: DamagedColumn): AppError {
  return new AppError("STATE_DAMAGED", `The database holds a damaged value in its column ${error.column}`, {
    detail: error.detail,
    hint: "Stop the stack and move data/stigmer.db away to begin with an empty one; definitions have to be applied again",
    actions: [{ label: "Stop the stack", command: "stigmer server stop" }],
    cause: error,
  });
}

/** Somebody else's database, or one that a newer version wrote. */
export function unusable(file: string, message: string, hint: string): AppError {
  return new AppError("STATE_DAMAGED", message, {
    hint,
    actions: [{ label: "Move it away", command: moveAway(file) }],
  });
}

/** SQLite's side files belong to the database: left behind, they would be applied to the next one of that name. */
function moveAway(file: string): string {
  return `for f in ${["", "-wal", "-shm"].map((end) => quoteForShell(file + end)).join(" ")}; do [ ! -e "$f" ] || mv "$f" "$f.damaged"; done`;
}

/** Whether its file system has room for not one more page or file; some count no files. */
function hasNoRoom(folder: string): boolean {
  try {
    const { bavail, files, ffree } = statfsSync(folder);
    return bavail === 0 || (files > 0 && ffree === 0);
  } catch {
    return false; // A folder that cannot be asked is not full: the code that is there says what is wrong.
  }
}

function sqliteCode(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  if ("code" in error && typeof error.code === "string" && error.code.startsWith("SQLITE_")) return error.code;
  // A database that cannot even be opened is told by the binding in words, with SQLite's number for CANTOPEN.
  return /Unable to open connection to local database .*: 14/.test(error.message) ? "SQLITE_CANTOPEN" : null;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
