import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { basename, dirname } from "node:path";
import { systemErrorCode } from "./system-error.ts";

/**
 * A process log is a sequence of generations. Finished ones are archives, `<file>.000017`, whose numbers only grow; the
 * live file is the generation after the newest archive. A reader that knows (generation, offset) can therefore tell
 * whether the bytes it wants are still in the live file, in an archive, or gone.
 */
export function archivePath(file: string, generation: number): string {
  return `${file}.${String(generation).padStart(6, "0")}`;
}

/** The numbers of the archives of `file`, oldest first. A folder that does not exist holds none. */
export function listArchives(file: string): number[] {
  const prefix = `${basename(file)}.`;
  const generations: number[] = [];
  for (const name of readNames(dirname(file))) {
    if (name.startsWith(prefix) && /^\d{6,}$/.test(name.slice(prefix.length))) {
      generations.push(Number(name.slice(prefix.length)));
    }
  }
  return generations.sort((a, b) => a - b);
}

/**
 * Whether a rotation stopped between its two steps: the archive is there and the live file still begins with the same
 * bytes. Such an archive counts as not made; its lines are read from the live file.
 */
export function isUnfinishedRotation(file: string, generation: number): boolean {
  let archive: number | null = null;
  let live: number | null = null;
  try {
    archive = openSync(archivePath(file, generation), "r");
    live = openSync(file, "r");
    return beginsWith(live, archive);
  } catch (error) {
    // Either of them gone: there is nothing to compare, so nothing is doubled.
    if (systemErrorCode(error) === "ENOENT") return false;
    throw error;
  } finally {
    if (archive !== null) closeSync(archive);
    if (live !== null) closeSync(live);
  }
}

/** The first lines of two generations differ in their time, so one block nearly always settles it. */
const COMPARE_BLOCK_BYTES = 64 * 1024;

function beginsWith(live: number, archive: number): boolean {
  const expected = Buffer.allocUnsafe(COMPARE_BLOCK_BYTES);
  const actual = Buffer.allocUnsafe(COMPARE_BLOCK_BYTES);
  for (let position = 0; ; ) {
    const wanted = readSync(archive, expected, 0, COMPARE_BLOCK_BYTES, position);
    if (wanted === 0) return position > 0;
    const length = readSync(live, actual, 0, wanted, position);
    if (length < wanted || expected.compare(actual, 0, wanted, 0, wanted) !== 0) return false;
    position += wanted;
  }
}

function readNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}
