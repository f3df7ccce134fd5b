import { systemErrorCode } from "../errors.ts";
import { isEnded, listPids, readProcStat } from "./proc-stat.ts";
import { currentBootId, describeProcess, isAlive, type ProcessIdentity } from "./process-identity.ts";
import { environmentOf } from "./process-table.ts";

/**
 * Whether the process group with the leader's number is ours to signal.
 *
 * The kernel gives a PID to nobody as long as a group bears its number: while the leader lives, or a member that was seen
 * with it, the number is the leader's. Where the leader was gone at the first look, its number may have been used again
 * by another leader that is gone, too; then only the mark in a member's environment proves the group.
 */
export async function isGroupOurs(leader: ProcessIdentity, instance: string | null): Promise<boolean> {
  if (leader.pid <= 1) return false; // To the kernel, group -1 is every process there is.
  if (process.platform !== "linux") {
    return (await isAlive(leader)) && (await describeProcess(leader.pid))?.groupId === leader.pid;
  }
  if (leader.bootId !== currentBootId()) return false;
  const stat = readProcStat(leader.pid); // A zombie still is the leader.
  if (stat !== null) return stat.startTime === leader.startTime && stat.groupId === leader.pid;
  return instance !== null && (await hasMarkedMember(leader.pid, instance));
}

/** Whether nobody of the group runs any more. Zombies do not count, and no more does a group that a later process made. */
export async function isGroupGone(leader: ProcessIdentity): Promise<boolean> {
  if (await isAlive(leader)) return false;
  if (!hasMember(leader.pid)) return true;
  if (process.platform !== "linux") return false;
  const stat = readProcStat(leader.pid);
  const isRecycled = stat !== null && stat.startTime !== leader.startTime;
  return isRecycled || membersOf(leader.pid).length === 0;
}

/** One system call, so that the table of all processes is read only at the end; zombies count. */
function hasMember(groupId: number): boolean {
  try {
    return process.kill(-groupId, 0);
  } catch (error) {
    return systemErrorCode(error) !== "ESRCH"; // EPERM: there is one, and it is another user's.
  }
}

async function hasMarkedMember(groupId: number, instance: string): Promise<boolean> {
  for (const pid of membersOf(groupId)) {
    if ((await environmentOf(pid))?.["STIGMER_INSTANCE"] === instance) return true;
  }
  return false;
}

function membersOf(groupId: number): number[] {
  return listPids().filter((pid) => {
    const stat = readProcStat(pid);
    return stat !== null && stat.groupId === groupId && !isEnded(stat);
  });
}
