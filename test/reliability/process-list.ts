import { readdirSync, readFileSync } from "node:fs";

export interface ProcessEntry {
  pid: number;
  parent: number;
  group: number;
  command: string;
}

export interface OwnProcess extends ProcessEntry {
  /** Its STIGMER_COMPONENT. */
  component: string;
}

/** Every process that runs; zombies do not. */
export function listProcesses(): ProcessEntry[] {
  return pids().flatMap((pid) => entryOf(pid) ?? []);
}

/** Processes that carry this instance in their environment. */
export function ownProcesses(instance: string): OwnProcess[] {
  if (instance === "") return [];
  return pids().flatMap((pid) => {
    const environment = read(pid, "environ").split("\0");
    if (!environment.includes(`STIGMER_INSTANCE=${instance}`)) return [];
    const entry = entryOf(pid);
    const component = environment.find((line) => line.startsWith("STIGMER_COMPONENT="))?.split("=")[1] ?? "";
    return entry === null ? [] : [{ ...entry, component }];
  });
}

/** Null when it has ended. */
export function entryOf(pid: number): ProcessEntry | null {
  const stat = read(pid, "stat");
  const [state = "Z", parent = "0", group = "0"] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (stat === "" || state === "Z" || state === "X") return null;
  return {
    pid,
    parent: Number(parent),
    group: Number(group),
    command: read(pid, "cmdline").replaceAll("\0", " ").trim(),
  };
}

/** In clock ticks since boot; null when it has ended. */
export function startTimeOf(pid: number): number | null {
  const stat = read(pid, "stat");
  const field = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return field === undefined ? null : Number(field);
}

/** How many files, sockets and pipes it holds open. */
export function countDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Memory that is its own now and at its peak, in MiB. */
export function memoryOf(pid: number): { nowMb: number; peakMb: number } {
  const status = read(pid, "status");
  const mb = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) / 1024;
  return { nowMb: mb("RssAnon"), peakMb: mb("VmHWM") };
}

function pids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function read(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return ""; // It ended while we looked.
  }
}
