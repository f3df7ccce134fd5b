import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { systemErrorCode } from "../../../../errors.ts";
import { type Check, type DoctorFacts, fail, pass, warn } from "../check.ts";

const MIB = 1024 ** 2;
/** An execution's events and the logs fit into this for a long while; an image build wants more. */
const COMFORTABLE_BYTES = 1024 * MIB;
/** Below this SQLite and the logs fail within minutes. */
const LEAST_BYTES = 32 * MIB;

export async function checkDisk({ paths }: DoctorFacts): Promise<Check> {
  const free = await freeBytes(paths.home);
  const message = `${formatBytes(free)} free at ${paths.home}`;
  if (free < LEAST_BYTES) return fail("disk", message, "Make room: logs, executions and the image need it");
  if (free < COMFORTABLE_BYTES) return warn("disk", message, "An image build needs more");
  return pass("disk", message);
}

/** Of the nearest folder that exists: the home may be yet to be made. */
async function freeBytes(path: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT" || dirname(path) === path) throw error;
    return freeBytes(dirname(path));
  }
}

function formatBytes(bytes: number): string {
  return bytes < 1024 * MIB ? `${Math.floor(bytes / MIB)} MiB` : `${(bytes / (1024 * MIB)).toFixed(1)} GiB`;
}
