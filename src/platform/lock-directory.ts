import { mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { systemErrorCode } from "../errors.ts";
import type { ProcessIdentity } from "./process-identity.ts";

/**
 * A lock as a directory that holds one entry, whose name is its holder's identity.
 *
 * - Held and holder are one thing: a directory is prepared with its entry and then renamed to the lock's name, which the kernel
 *   refuses while a directory that is not empty has it. Nobody is killed between taking the lock and saying who took it.
 * - A dead holder's lock is freed by deleting the dead holder's entry, whose name is used only once. Whoever acts on an old
 *   look at the lock deletes nothing, least of all the lock of a quicker one.
 * - An empty directory is a free lock, so a death between deleting entry and directory does not matter.
 */
export interface Holder extends ProcessIdentity {
  /** The name of its entry. */
  entry: string;
}

/** A name for an entry of this process, new each time. */
export function entryFor({ pid, startTime, bootId }: ProcessIdentity): string {
  return [pid, encodeURIComponent(startTime), encodeURIComponent(bootId), crypto.randomUUID()].join("~");
}

/** Takes the lock. Throws a system error EEXIST when it is held. */
export function takeLock(path: string, entry: string): void {
  if (readEntries(path).length > 0) throw heldError(path); // Spares the work below to those who wait.
  const prepared = `${path}~${entry}`;
  try {
    mkdirSync(prepared, { mode: 0o700 });
    writeFileSync(join(prepared, entry), "", { mode: 0o600 });
    renameSync(prepared, path);
  } catch (error) {
    rmSync(prepared, { recursive: true, force: true });
    throw systemErrorCode(error) === "ENOTEMPTY" ? heldError(path) : error;
  }
}

/** Frees the lock if this entry still holds it; false when it did not. */
export function freeLock(path: string, entry: string): boolean {
  const wasHeld = unlessCode(["ENOENT"], () => unlinkSync(join(path, entry)));
  // Not empty or not there: somebody else has it by now.
  unlessCode(["ENOENT", "ENOTEMPTY", "EEXIST"], () => rmdirSync(path));
  return wasHeld;
}

/** Null when nobody holds it. Throws a TypeError for an entry that is not ours to understand. */
export function readHolder(path: string): Holder | null {
  const [entry] = readEntries(path);
  if (entry === undefined) return null;
  const holder = parseEntry(entry);
  if (holder === null) throw new TypeError(`${entry} is no entry of a lock`);
  return holder;
}

/** Directories that were prepared to become the lock, of processes alive or killed. */
export function listPrepared(path: string): { path: string; holder: Holder }[] {
  const prefix = `${basename(path)}~`;
  return readdirSync(dirname(path)).flatMap((name) => {
    const holder = name.startsWith(prefix) ? parseEntry(name.slice(prefix.length)) : null;
    return holder === null ? [] : [{ path: join(dirname(path), name), holder }];
  });
}

function parseEntry(entry: string): Holder | null {
  const [, pid, startTime, bootId] = /^(\d{1,10})~([^~]+)~([^~]+)~[0-9a-f-]{36}$/.exec(entry) ?? [];
  if (startTime === undefined || bootId === undefined) return null;
  try {
    const text = decodeURIComponent(startTime);
    // Linux counts ticks, macOS writes a date.
    const start = /^\d+$/.test(text) ? Number(text) : text;
    return { entry, pid: Number(pid), startTime: start, bootId: decodeURIComponent(bootId) };
  } catch {
    return null; // A broken escape: not written by us.
  }
}

function readEntries(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return [];
    throw error;
  }
}

function heldError(path: string): Error {
  return Object.assign(new Error(`${path} is held`), { code: "EEXIST" });
}

/** False when the action failed with one of the codes. */
function unlessCode(codes: string[], action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (codes.includes(systemErrorCode(error) ?? "")) return false;
    throw error;
  }
}
