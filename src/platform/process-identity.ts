import { readFileSync } from "node:fs";
import { toDisplayText } from "./display-text.ts";
import { isEnded, readProcStat } from "./proc-stat.ts";
import { runTool, runToolSync } from "./system-tool.ts";

/**
 * What makes a process the same process: a PID alone is given to another one sooner or later.
 * `startTime`: on Linux clock ticks since boot, on macOS what `ps -o lstart=` prints under LC_ALL=C.
 */
export interface ProcessIdentity {
  pid: number;
  startTime: string | number;
  bootId: string;
}

/** Who runs under this PID now; null when nobody does, or only a zombie. */
export async function identify(pid: number): Promise<ProcessIdentity | null> {
  if (!isPid(pid)) return null;
  if (process.platform === "linux") return identifySync(pid);
  return toIdentity(pid, await runTool("ps", psArguments(pid)));
}

/** For `server status`, which has no time for a turn of the thread pool. */
export function identifySync(pid: number): ProcessIdentity | null {
  if (!isPid(pid)) return null;
  if (process.platform !== "linux") return toIdentity(pid, runToolSync("ps", psArguments(pid)));
  const stat = readProcStat(pid);
  return stat === null || isEnded(stat) ? null : { pid, startTime: stat.startTime, bootId: currentBootId() };
}

/** Whether this very process still runs: the same PID, start time and boot. */
export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  return identity.bootId === currentBootId() && isSame(identity, await identify(identity.pid));
}

export function isAliveSync(identity: ProcessIdentity): boolean {
  return identity.bootId === currentBootId() && isSame(identity, identifySync(identity.pid));
}

export interface ProcessDescription {
  pid: number;
  /** The command line in one line without control characters, cut at 200; `[name]` for one that has none. */
  command: string;
  groupId: number | null;
}

/** What a person should be told of a process; null when there is none. */
export async function describeProcess(pid: number): Promise<ProcessDescription | null> {
  if (!isPid(pid)) return null;
  if (process.platform === "linux") {
    const stat = readProcStat(pid);
    return stat === null ? null : { pid, command: readCommand(pid) ?? `[${stat.comm}]`, groupId: stat.groupId };
  }
  const line = await runTool("ps", ["-p", String(pid), "-o", "pgid=,command="]);
  const [, groupId, command] = /^\s*(\d+)\s+(.*)$/s.exec(line ?? "") ?? [];
  return command === undefined ? null : { pid, command: toDisplayText(command), groupId: Number(groupId) };
}

/** The command line of a process on Linux; null for kernel threads, zombies and processes that are gone. */
export function readCommand(pid: number): string | null {
  try {
    const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8").replace(/\0+$/, "");
    return argv === "" ? null : toDisplayText(argv.replaceAll("\0", " "));
  } catch {
    return null; // It ended while we looked.
  }
}

let bootId: string | undefined;

/** Differs after every boot of the machine. */
export function currentBootId(): string {
  bootId ??= readBootId();
  return bootId;
}

function readBootId(): string {
  if (process.platform === "linux") return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  const id = runToolSync("sysctl", ["-n", "kern.bootsessionuuid"])?.trim();
  if (!id) throw new Error("the system does not tell its boot id: sysctl -n kern.bootsessionuuid failed");
  return id;
}

const psArguments = (pid: number) => ["-p", String(pid), "-o", "stat=,lstart="];

function toIdentity(pid: number, line: string | null): ProcessIdentity | null {
  const [, state, startTime] = /^\s*(\S+)\s+(.+?)\s*$/.exec(line ?? "") ?? [];
  if (state === undefined || startTime === undefined || isEnded({ state })) return null;
  return { pid, startTime: startTime.replace(/\s+/g, " "), bootId: currentBootId() };
}

function isPid(pid: number): boolean {
  return Number.isSafeInteger(pid) && pid > 0 && pid < 2 ** 31;
}

function isSame(one: ProcessIdentity, other: ProcessIdentity | null): boolean {
  return other !== null && one.pid === other.pid && one.startTime === other.startTime && one.bootId === other.bootId;
}
