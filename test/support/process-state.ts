import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const STOP_DEADLINE_MS = 10_000;

/** Whether the process runs. A zombie is dead: who reaps it depends on the machine. */
export function isAlive(pid: string): boolean {
  const stat = spawnSync("ps", ["-o", "stat=", "-p", pid], { encoding: "utf8" }).stdout.trim();
  return stat !== "" && !stat.startsWith("Z");
}

/** Sends SIGSTOP and waits until every thread stands still: a signal takes its time, and until then threads go on. */
export async function stopInItsTracks(pid: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  const deadlineMs = performance.now() + STOP_DEADLINE_MS;
  while (!threadStates(pid).every((state) => state === "T")) {
    if (performance.now() > deadlineMs) throw new Error(`process ${pid} does not stop`);
    await delay(5);
  }
}

/** The letter of each thread's state. */
function threadStates(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    const file = `/proc/${pid}/task/${thread}/stat`;
    try {
      const stat = readFileSync(file, "utf8");
      return [stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3)]; // The name before it may hold anything.
    } catch (error) {
      if (existsSync(file)) throw error;
      return []; // It ended while we looked.
    }
  });
}
