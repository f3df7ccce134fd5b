import { spawnSync } from "node:child_process";

/** Whether the process runs. A zombie is dead: who reaps it depends on the machine. */
export function isAlive(pid: string): boolean {
  const stat = spawnSync("ps", ["-o", "stat=", "-p", pid], { encoding: "utf8" }).stdout.trim();
  return stat !== "" && !stat.startsWith("Z");
}
