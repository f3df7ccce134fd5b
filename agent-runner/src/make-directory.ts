import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { systemErrorCode } from "./logging/system-error.ts";

/**
 * Makes sure of a directory and its parents. Not by mkdirSync's own `recursive`, which never returns below /proc.
 * @throws the system's error.
 */
export function makeDirectory(path: string, mode?: number): void {
  try {
    makeOne(path, mode);
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT" || dirname(path) === path) throw error;
    makeDirectory(dirname(path), mode);
    makeOne(path, mode);
  }
}

function makeOne(path: string, mode: number | undefined): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // EEXIST is said of a file, too, and EROFS of a directory that is there.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}
