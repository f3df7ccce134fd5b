import { closeSync, constants, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { open, rename, rm, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { AppError, systemErrorCode } from "../errors.ts";
import { toFileError } from "./file-error.ts";
import { temporaryName } from "./temporary-file.ts";

const DEFAULT_MAX_BYTES = 1024 * 1024;
const CHUNK_BYTES = 16 * 1024;

/**
 * Replaces a file as a whole: a reader, and a machine that loses power, sees the old content or the new.
 *
 * @throws AppError DISK_FULL, PERMISSION_DENIED, … (see toFileError); the old file is then intact.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  { mode = 0o600 }: { mode?: number } = {},
): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await writeSynced(temporary, content, mode);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {}); // The first error is the one to tell.
    throw toFileError(error, path);
  }
  await syncDirectory(dirname(path));
}

/** Writes a new file and waits until the disk has it. Throws plain system errors. */
export async function writeSynced(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const file = await open(path, "wx", mode);
  try {
    await file.writeFile(content);
    await file.chmod(mode); // The umask took bits away from what open() was given.
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * The text of a file, or null when there is none. It never blocks on a FIFO and never reads more than `maxBytes` (1 MiB).
 *
 * @throws AppError STATE_DAMAGED for something that is no regular file or is too large; PERMISSION_DENIED, ….
 */
export async function readTextIfExists(path: string, options: { maxBytes?: number } = {}): Promise<string | null> {
  // The files read by this are tiny and local: three system calls now cost less than three trips through the thread pool.
  return readTextIfExistsSync(path, options);
}

export function readTextIfExistsSync(
  path: string,
  { maxBytes = DEFAULT_MAX_BYTES }: { maxBytes?: number } = {},
): string | null {
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!fstatSync(file).isFile()) throw notAFile(path);
    return readUpTo(file, path, maxBytes);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return null;
    throw toFileError(error, path);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** The size that fstat tells is no help: a file may grow while it is read, and /proc says 0 of all of its own. */
function readUpTo(file: number, path: string, maxBytes: number): string {
  const chunks: Buffer[] = [];
  for (let length = 0; length <= maxBytes; ) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const count = readSync(file, chunk, 0, chunk.length, null);
    if (count === 0) return Buffer.concat(chunks).toString("utf8");
    chunks.push(chunk.subarray(0, count));
    length += count;
  }
  throw new AppError("STATE_DAMAGED", `${path} is larger than the ${maxBytes} bytes it may have`, {
    hint: "Look at it, then move it away",
  });
}

function notAFile(path: string): AppError {
  return new AppError("STATE_DAMAGED", `${path} is not a regular file`, { hint: "Look at it, then move it away" });
}

/** Deletes a file; true when there was one. @throws AppError, as toFileError makes it. */
export async function removeIfExists(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    const code = systemErrorCode(error);
    // On a read-only file system unlink fails before it looks for the file.
    if (code === "ENOENT" || (code === "EROFS" && !existsSync(path))) return false;
    throw toFileError(error, path);
  }
}

/** Makes a rename or a link survive a power cut; not every file system can. */
export async function syncDirectory(path: string): Promise<void> {
  try {
    const directory = await open(path, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  } catch {
    // The file itself is synced; some file systems refuse fsync on a directory.
  }
}
