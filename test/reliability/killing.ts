import type { RunningCommand } from "../support/running-command.ts";
import type { Dice } from "./dice.ts";
import { entryOf } from "./process-list.ts";
import type { Subject } from "./subject.ts";

export type Victim = "command" | "server" | "runner" | "container";
export const VICTIMS: readonly Victim[] = ["command", "server", "runner", "container"];

/** When a kill comes: so long after the command was started, or at its n-th line of progress. */
export type Moment = { afterMs: number } | { line: number };

const LOOK_PAUSE_MS = 10;

/** A random moment of a command that takes about `spanMs`. */
export function pickMoment(dice: Dice, spanMs: number, lines: number): Moment {
  return dice.chance(0.3) ? { line: dice.between(1, lines) } : { afterMs: dice.between(0, spanMs) };
}

/**
 * SIGKILL to the victim at that moment, or as soon after it as the victim is there; false when the command ended first.
 */
export async function killDuring(
  command: RunningCommand & { pid: number },
  { subject, victim, moment }: { subject: Subject; victim: Victim; moment: Moment },
): Promise<boolean> {
  let hasEnded = false;
  const ended = command.ended.then(() => {
    hasEnded = true;
  });
  if ("afterMs" in moment) await Promise.race([pause(moment.afterMs), ended]);
  else {
    await command.until(`line ${moment.line}`, ({ stderr }) => stderr.split("\n").length > moment.line).catch(() => {});
  }
  while (!hasEnded) {
    const pid = victim === "command" ? command.pid : await findVictim(subject, victim);
    if (pid !== null && sendKill(pid)) return true;
    await Promise.race([pause(LOOK_PAUSE_MS), ended]);
  }
  return false;
}

/** The PID of what runs as that now; null when nothing does. */
export async function findVictim(subject: Subject, victim: Exclude<Victim, "command">): Promise<number | null> {
  if (victim === "server") return subject.leader("stigmer-server")?.pid ?? null;
  if (victim === "runner") return subject.leader("workflow-runner")?.pid ?? null;
  const running = (await subject.containers()).find(({ pid }) => pid > 0);
  return running?.pid ?? null;
}

/** SIGKILL; false when it has ended. */
export function sendKill(pid: number): boolean {
  if (entryOf(pid) === null) return false;
  try {
    return process.kill(pid, "SIGKILL");
  } catch {
    return false; // It ended between the look and the signal.
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
