import { readdir, readFile } from "node:fs/promises";

/** Stands in the environment of a tool's command, and so in that of all it starts, also of what leaves its group. */
export const MARK_VARIABLE = "STIGMER_TOOL_CALL";
/** What is killed may have begun another one meanwhile; a command that is faster than this for so long gets away. */
const LOOK_LIMIT_MS = 500;

/**
 * SIGKILL to every process that began with this mark, until none is left. Linux shows how a process began; on another
 * platform nothing is found. Neither is a process that was started with an emptied environment.
 */
export async function killMarked(mark: string): Promise<void> {
  const deadlineMs = performance.now() + LOOK_LIMIT_MS;
  do {
    const pids = await findMarked(mark);
    if (pids.length === 0) return;
    for (const pid of pids) kill(pid);
  } while (performance.now() < deadlineMs);
}

async function findMarked(mark: string): Promise<number[]> {
  const entries = await readdir("/proc").catch(() => []);
  const pids = entries.map(Number).filter(Number.isInteger);
  const marked = await Promise.all(pids.map((pid) => isMarked(pid, mark)));
  return pids.filter((_, index) => marked[index]);
}

async function isMarked(pid: number, mark: string): Promise<boolean> {
  try {
    // A zombie has no environment any more: it is dead, whoever reaps it.
    const environment = await readFile(`/proc/${pid}/environ`, "latin1");
    return environment.split("\0").includes(`${MARK_VARIABLE}=${mark}`);
  } catch {
    return false; // It has ended meanwhile, or is another user's.
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}
