import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** containerd's record of running containers, below the daemon's directory. */
const TASKS = "exec/containerd/daemon/io.containerd.runtime.v2.task/moby";
const GONE_DEADLINE_MS = 5_000;

/**
 * Kills what a dead daemon leaves running: the shims and the containers, in rare cases its containerd. Each is proved to be of this
 * directory (by its command line, containers by their cgroup), so a recycled PID is never touched.
 */
export async function killProcessesOf(directory: string): Promise<void> {
  const containers = containerInits(directory);
  const daemons = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && isDaemonOf(pid, directory));
  const pids = [...daemons, ...containers];
  for (const pid of pids) kill(pid);
  const deadlineMs = performance.now() + GONE_DEADLINE_MS;
  while (pids.some(isAlive)) {
    if (performance.now() > deadlineMs)
      throw new Error(`processes of ${directory} survive SIGKILL: ${pids.filter(isAlive)}`);
    await delay(20); // they are not our children, so no event tells
  }
}

/** Whether a process runs; a zombie that its parent has not collected yet does not. */
export function isAlive(pid: number): boolean {
  const stat = readProc(pid, "stat");
  return stat !== "" && !/\) [ZX] /.test(stat);
}

/** Detaches every file system mounted below a directory, the deepest first. */
export function unmountBelow(directory: string): void {
  const points = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((point) => point.startsWith(`${directory}/`))
    .sort()
    .reverse();
  for (const point of points) {
    const { status, stderr } = spawnSync("umount", ["--lazy", point], { encoding: "utf8" });
    if (status !== 0) throw new Error(`cannot unmount ${point}: ${stderr.trim()}`);
  }
}

function isDaemonOf(pid: number, directory: string): boolean {
  const command = readProc(pid, "cmdline").split("\0");
  return (
    /(^|\/)(dockerd|containerd|containerd-shim\S*)$/.test(command[0] ?? "") &&
    command.some((word) => word.includes(`${directory}/`))
  );
}

function containerInits(directory: string): number[] {
  const tasks = join(directory, TASKS);
  if (!existsSync(tasks)) return [];
  return readdirSync(tasks).flatMap((id) => {
    const file = join(tasks, id, "init.pid");
    if (!existsSync(file)) return [];
    const pid = Number(readFileSync(file, "utf8"));
    return readProc(pid, "cgroup").includes(id) ? [pid] : [];
  });
}

function readProc(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return ""; // It ended while we looked.
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended while we looked.
  }
}
