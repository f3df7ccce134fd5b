import { mkdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { systemErrorCode } from "../../errors.ts";
import { makeDirectory } from "../../platform/directories.ts";
import { toFileError } from "../../platform/file-error.ts";
import { syncDirectory, writeSynced } from "../../platform/files.ts";
import { removeLeftovers, temporaryName } from "../../platform/temporary-file.ts";

const FILE_MODE = 0o644;
const DIRECTORY_MODE = 0o755;

/**
 * Makes a directory that is not there yet: whole under a temporary name beside it, then by one rename.
 *
 * @returns false when somebody else made one of that name meanwhile.
 * @throws AppError DISK_FULL, PERMISSION_DENIED, …; nothing is left then.
 */
export async function createDirectory(directory: string, files: ReadonlyMap<string, Uint8Array>): Promise<boolean> {
  const parent = dirname(directory);
  const temporary = temporaryName(directory);
  try {
    await makeDirectory(parent);
    await removeLeftovers(parent, basename(directory));
    await mkdir(temporary, { mode: DIRECTORY_MODE });
    for (const [path, content] of files) {
      await makeDirectory(dirname(join(temporary, path)), DIRECTORY_MODE);
      await writeSynced(join(temporary, path), content, FILE_MODE);
    }
    await rename(temporary, directory);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {}); // The first error is the one to tell.
    if (["ENOTEMPTY", "EEXIST", "ENOTDIR"].includes(systemErrorCode(error) ?? "")) return false;
    throw toFileError(error, directory);
  }
  await syncDirectory(parent);
  return true;
}
