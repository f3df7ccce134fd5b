import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { AppError, systemErrorCode } from "../errors.ts";

/** Far above any real configuration; bounds what a mistaken path can cost. */
const MAX_BYTES = 1024 * 1024;

/**
 * The text of `config.yaml`, or null when there is none.
 * @throws AppError CONFIG_INVALID for a directory, a file over 1 MiB or one that is not text; PERMISSION_DENIED.
 */
export async function readConfigText(path: string): Promise<string | null> {
  const bytes = await readBounded(path);
  if (bytes === null) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new AppError("CONFIG_INVALID", `${path} is not a text file in UTF-8`, { cause });
  }
}

async function readBounded(path: string): Promise<Buffer | null> {
  let file: FileHandle | undefined;
  try {
    // Without O_NONBLOCK the open of a named pipe waits for a writer for ever.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const status = await file.stat();
    if (!status.isFile()) throw new AppError("CONFIG_INVALID", `${path} is not a regular file`);
    if (status.size > MAX_BYTES) throw new AppError("CONFIG_INVALID", `${path} is larger than 1 MiB`);
    return await file.readFile();
  } catch (error) {
    const code = systemErrorCode(error);
    // ENOTDIR: the home itself is a file. Whoever needs the home says that better.
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    if (code === "EACCES" || code === "EPERM") {
      throw new AppError("PERMISSION_DENIED", `${path} cannot be read: no permission`, { cause: error });
    }
    if (code === "ELOOP" || code === "ENAMETOOLONG" || code === "EIO") {
      throw new AppError("CONFIG_INVALID", `${path} cannot be read: ${code}`, { cause: error });
    }
    throw error;
  } finally {
    await file?.close();
  }
}
