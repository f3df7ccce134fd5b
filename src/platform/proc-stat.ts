import { readdirSync, readFileSync } from "node:fs";

/** What `/proc/PID/stat` of Linux says; see proc_pid_stat(5) for the fields. */
export interface ProcStat {
  pid: number;
  comm: string;
  /** One letter: R, S, D, T, Z (zombie), X (dead), …. */
  state: string;
  ppid: number;
  groupId: number;
  sessionId: number;
  /** Clock ticks between boot and the start of the process (field 22). */
  startTime: number;
}

/** Null when there is no such process. A read of /proc never waits for a disk, so it may be synchronous. */
export function readProcStat(pid: number): ProcStat | null {
  try {
    return parseProcStat(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return null; // ENOENT, or ESRCH for a process that ended while it was read.
  }
}

/** The name of a program may hold blanks and parentheses, so the fields are counted from the last parenthesis. */
export function parseProcStat(text: string): ProcStat | null {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) return null;
  // After the name comes field 3, the state.
  const fields = text.slice(close + 2).split(" ");
  const field = (number: number) => Number(fields[number - 3]);
  const stat = {
    pid: Number(text.slice(0, open)),
    comm: text.slice(open + 1, close),
    state: fields[0] ?? "",
    ppid: field(4),
    groupId: field(5),
    sessionId: field(6),
    startTime: field(22),
  };
  return Number.isSafeInteger(stat.pid) && Number.isSafeInteger(stat.startTime) ? stat : null;
}

/** Ended already, and only waiting for its parent to take note. */
export function isEnded(stat: { state: string }): boolean {
  return stat.state.startsWith("Z") || stat.state.startsWith("X");
}

/** All PIDs of this PID namespace. */
export function listPids(): number[] {
  return readdirSync("/proc").map(Number).filter(Number.isSafeInteger);
}
