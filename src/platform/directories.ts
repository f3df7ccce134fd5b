import { access, chmod, constants, mkdir, readdir, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { systemErrorCode } from "../errors.ts";
import { toFileError } from "./file-error.ts";
import type { HomePaths } from "./paths.ts";
import { removeLeftovers } from "./temporary-file.ts";

/**
 * Makes sure of a directory. One that exists and is ours (by owner) loses the permission bits that `mode` lacks.
 *
 * @throws AppError, as toFileError makes it.
 */
export async function ensureDirectory(path: string, mode = 0o700): Promise<void> {
  try {
    await makeDirectory(path, mode);
    const found = await stat(path);
    const isWider = (found.mode & 0o7777 & ~mode) !== 0;
    if (isWider && found.uid === process.getuid?.()) await chmod(path, found.mode & mode);
  } catch (error) {
    throw toFileError(error, path);
  }
}

/**
 * Creates the folders of a home with mode 0700, proves that they can be written, and clears away the temporary files of
 * writers that were killed.
 *
 * @throws AppError PERMISSION_DENIED, DISK_FULL, STATE_DAMAGED, … naming the folder.
 */
export async function prepareHome(paths: HomePaths): Promise<void> {
  await ensureHome(paths);
  for (const directory of [paths.dataDir, paths.runDir, paths.logsDir, paths.workspaceDir]) {
    await ensureDirectory(directory);
  }
  // The workspace is left out: it may belong to the container's user.
  for (const directory of [paths.home, paths.dataDir, paths.runDir, paths.logsDir]) {
    await proveWritable(directory);
    await removeLeftovers(directory);
  }
}

/** A home that somebody shares with other things (`STIGMER_HOME=/tmp`) keeps its mode: closing it would break them. */
async function ensureHome(paths: HomePaths): Promise<void> {
  const own = new Set([paths.configFile, paths.secretsFile, paths.dataDir, paths.runDir].map((path) => basename(path)));
  try {
    await makeDirectory(paths.home, 0o700);
    const names = await readdir(paths.home);
    if (names.every((name) => own.has(name) || name.startsWith("."))) await ensureDirectory(paths.home);
  } catch (error) {
    throw toFileError(error, paths.home);
  }
}

/**
 * Makes sure of a directory and its parents. Not by mkdir's own `recursive`, which in Node 20 says ENOENT of a full
 * disk and never returns below /proc.
 *
 * @returns the first directory that was made, or null when all were there.
 * @throws the system's error.
 */
export async function makeDirectory(path: string, mode?: number): Promise<string | null> {
  try {
    return await makeOne(path, mode);
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT" || dirname(path) === path) throw error;
    const first = await makeDirectory(dirname(path), mode);
    const made = await makeOne(path, mode); // Once: in /proc it is ENOENT again, whatever the parent.
    return first ?? made;
  }
}

async function makeOne(path: string, mode: number | undefined): Promise<string | null> {
  try {
    await mkdir(path, { mode });
    return path;
  } catch (error) {
    if (!(await isDirectory(path))) throw error;
    return null;
  }
}

/** Asked after mkdir failed: it says EEXIST of a file, too, and EROFS of a folder that is there. */
async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false; // The error of mkdir is the one to tell.
  }
}

/** access() knows read-only mounts and immutable folders, which the mode does not tell. */
async function proveWritable(directory: string): Promise<void> {
  try {
    await access(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw toFileError(error, directory);
  }
}
