import {
  appendFileSync,
  closeSync,
  copyFileSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { archivePath, isUnfinishedRotation, listArchives } from "./generations.ts";
import { systemErrorCode } from "./system-error.ts";

export interface RotationLimits {
  /** Size at which the live file becomes an archive. */
  maxSizeBytes: number;
  /** Files kept, the live one included; together they stay under `maxSizeBytes × maxFiles`. */
  maxFiles: number;
}

/** The size that the live file may reach. With a single file allowed, live and archive share its size. */
export function liveLimitBytes(limits: RotationLimits): number {
  return limits.maxFiles > 1 ? limits.maxSizeBytes : Math.floor(limits.maxSizeBytes / 2);
}

/**
 * Makes the live file an archive and empties it in place. Renaming would be simpler, but Node cannot redirect its own
 * fd 1 and 2, so crash output would go on into the renamed file.
 *
 * The archive gets its name only when it is complete, and the live file is emptied only then: a crash in between leaves
 * both, which {@link isUnfinishedRotation} recognises. What other processes append during the last two system calls is
 * the only thing that can be lost. Data is not synced: a log survives the death of its process, not a power cut.
 *
 * @throws the system error when the archive cannot be written; the live file is as it was.
 */
export function rotate(file: string, limits: RotationLimits): void {
  recoverRotation(file);
  const generations = listArchives(file);
  const next = (generations.at(-1) ?? 0) + 1;
  prune(file, generations, limits);
  const archive = archivePath(file, next);
  const partial = `${archive}.partial`;
  try {
    copyFileSync(file, partial);
    appendMissing(file, partial);
    renameSync(partial, archive);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
  appendMissing(file, archive);
  truncateSync(file, 0);
}

/**
 * Rotates a log that a foreign program writes, which cannot do so itself, once it has reached its size; returns whether
 * it did. Call it when the file changes. The program must have opened the file for appending.
 */
export function rotateWhenLarge(file: string, limits: RotationLimits): boolean {
  let size: number;
  try {
    size = statSync(file).size;
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return false;
    throw error;
  }
  if (size < liveLimitBytes(limits)) return false;
  rotate(file, limits);
  return true;
}

/** Undoes what a rotation left that was killed on its way: half a copy, or an archive of lines still in the live file. */
export function recoverRotation(file: string): void {
  const prefix = `${basename(file)}.`;
  for (const name of readdirSync(dirname(file))) {
    if (name.startsWith(prefix) && name.endsWith(".partial")) rmSync(join(dirname(file), name), { force: true });
  }
  const newest = listArchives(file).at(-1);
  if (newest !== undefined && isUnfinishedRotation(file, newest)) rmSync(archivePath(file, newest), { force: true });
}

/** Removes the oldest archives so that one more, and the live file, stay inside the limits. */
function prune(file: string, generations: number[], limits: RotationLimits): void {
  const keep = Math.max(1, limits.maxFiles - 1) - 1;
  let room = limits.maxSizeBytes * limits.maxFiles - 2 * liveLimitBytes(limits);
  let kept = 0;
  for (const generation of generations.toReversed()) {
    const path = archivePath(file, generation);
    room -= statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (kept >= keep || room < 0) rmSync(path, { force: true });
    else kept += 1;
  }
}

/** Copies what was appended to `source` since `copy` was made. */
function appendMissing(source: string, copy: string): void {
  for (;;) {
    const from = statSync(copy).size;
    const missing = statSync(source).size - from;
    if (missing <= 0) return;
    const bytes = Buffer.allocUnsafe(missing);
    const fd = openSync(source, "r");
    try {
      appendFileSync(copy, bytes.subarray(0, readSync(fd, bytes, 0, missing, from)));
    } finally {
      closeSync(fd);
    }
  }
}
