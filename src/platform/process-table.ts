import { readFile } from "node:fs/promises";
import { toDisplayText } from "./display-text.ts";
import { listPids, readProcStat } from "./proc-stat.ts";
import { readCommand } from "./process-identity.ts";
import { runTool } from "./system-tool.ts";

export interface ProcessEntry {
  pid: number;
  ppid: number;
  groupId: number;
  /** 0 on macOS, where ps does not tell. */
  sessionId: number;
  /** As in ProcessIdentity. */
  startTime: string | number;
  /** One letter as ps prints it; Z is a zombie. */
  state: string;
  /** Fit for display; `[name]` for a process without a command line. */
  command: string;
}

/** Every process that can be seen. One that starts or ends meanwhile may be in the answer or not. */
export async function listProcesses(): Promise<ProcessEntry[]> {
  return process.platform === "linux" ? listFromProc() : listFromPs();
}

/**
 * The environment a process was started with; null where it cannot be read: the process is gone, it is another user's, or
 * this is macOS. How processes of ours are found whose PID file is lost.
 */
export async function environmentOf(pid: number): Promise<Record<string, string> | null> {
  if (process.platform !== "linux") return null;
  try {
    return parseEnvironment(await readFile(`/proc/${pid}/environ`, "utf8"));
  } catch {
    return null; // Not ours to read, or gone.
  }
}

function parseEnvironment(text: string): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const entry of text.split("\0")) {
    const equals = entry.indexOf("=");
    if (equals > 0) environment[entry.slice(0, equals)] = entry.slice(equals + 1);
  }
  return environment;
}

function listFromProc(): ProcessEntry[] {
  return listPids().flatMap((pid) => {
    const stat = readProcStat(pid);
    if (stat === null) return [];
    const { ppid, groupId, sessionId, startTime, state, comm } = stat;
    return [{ pid, ppid, groupId, sessionId, startTime, state, command: readCommand(pid) ?? `[${comm}]` }];
  });
}

const PS_LINE = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S)\S*\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]+\s+\d{4})\s+(.*)$/;

async function listFromPs(): Promise<ProcessEntry[]> {
  const table = await runTool("ps", ["-axo", "pid=,ppid=,pgid=,stat=,lstart=,command="]);
  if (table === null) throw new Error("the system does not tell its processes: ps -axo failed");
  return table.split("\n").flatMap((line) => {
    const [, pid, ppid, groupId, state, startTime, command] = PS_LINE.exec(line) ?? [];
    if (startTime === undefined) return [];
    return [
      {
        pid: Number(pid),
        ppid: Number(ppid),
        groupId: Number(groupId),
        sessionId: 0,
        startTime: startTime.replace(/\s+/g, " "),
        state: state ?? "",
        command: toDisplayText(command ?? ""),
      },
    ];
  });
}
