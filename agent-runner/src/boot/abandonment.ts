import { readFile } from "node:fs/promises";

/** How long a host process outlives a server that nobody can find it through (product.md §13). */
const ABANDONED_AFTER_MS = 60_000;

/**
 * Whether a host process should end itself: its server has been silent for a minute and its PID file is gone or names
 * another. A container has no PID file (null) and never does; a missing file alone while the server answers means
 * nothing.
 */
export async function isAbandoned(silentMs: number, pidFile: string | null, pid: number): Promise<boolean> {
  if (pidFile === null || silentMs < ABANDONED_AFTER_MS) return false;
  const text = await readFile(pidFile, "utf8").catch(() => "");
  return text.split("\n", 1)[0]?.trim() !== String(pid);
}
