import { constants } from "node:os";
import type { LastExit } from "../stack/component.ts";

/** How something ended, as the kernel or Docker said it. */
export interface ExitReport {
  code: number | null;
  signal: string | null;
  outOfMemory: boolean;
  /** Overrides the words where neither code nor signal tells, e.g. a container removed by hand. */
  explanation: string | null;
}

/** `lastExit` of a status: the reason in words. */
export function toLastExit(report: ExitReport, atMs: number): LastExit {
  return { at: new Date(atMs).toISOString(), code: report.code, signal: report.signal, reason: describeExit(report) };
}

export function describeExit(report: ExitReport): string {
  if (report.explanation !== null) return report.explanation;
  if (report.outOfMemory) return "out of memory";
  if (report.signal !== null) return `killed by ${report.signal}`;
  if (report.code !== null) return `exit ${report.code}`;
  return "exit status unknown";
}

/** Docker and shells report a death by signal N as exit code 128 + N. */
export function fromContainerExit(exitCode: number, outOfMemory: boolean): ExitReport {
  const signal = exitCode > 128 ? signalName(exitCode - 128) : null;
  return { code: exitCode, signal, outOfMemory, explanation: null };
}

/** Somebody removed it: there is nothing left that could tell more. */
export function containerRemoved(): ExitReport {
  return { code: null, signal: null, outOfMemory: false, explanation: "its container was removed" };
}

function signalName(number: number): string | null {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? null;
}
