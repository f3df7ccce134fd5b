import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { AppError } from "../../errors.ts";
import { withLock } from "../../platform/lock.ts";
import { sha256 } from "../manifest.ts";
import { createDirectory } from "./create.ts";
import { isUpToDate, planWrite, type WritePlan } from "./plan.ts";
import { survey } from "./survey.ts";
import { updateDirectory } from "./update.ts";

export interface WriteOptions {
  /** Overwrite what was changed by hand. */
  force?: boolean;
}

/**
 * Writes the files of a deployment into a directory, all of them or, after an error, none. What was changed by hand is kept,
 * unless `force`; what we did not write is never deleted.
 *
 * @param files by path, the manifest among them, as `generate` makes them.
 * @throws AppError USAGE for a foreign directory; DISK_FULL, PERMISSION_DENIED, ….
 */
export async function write(
  directory: string,
  files: ReadonlyMap<string, Uint8Array>,
  { force = false }: WriteOptions = {},
): Promise<WritePlan> {
  const target = resolve(directory);
  const lock = { what: `writing ${target}`, timeoutMs: LOCK_MS };
  return await withLock(lockPath(target), () => writeLocked(target, files, force), lock);
}

async function writeLocked(target: string, files: ReadonlyMap<string, Uint8Array>, force: boolean): Promise<WritePlan> {
  for (let attempt = 1; ; attempt += 1) {
    const found = await survey(target, files.keys());
    const plan = planWrite(files, found, force);
    const [obstacle] = plan.blocked;
    if (obstacle !== undefined) throw blocked(target, obstacle);
    if (isUpToDate(plan)) return plan;
    if (found.exists) {
      await updateDirectory({ directory: target, files, plan, previous: found.manifest });
      return plan;
    }
    if (await createDirectory(target, files)) return plan;
    if (attempt > 1) throw new AppError("USAGE", `${target} is made by somebody else at the same time`);
  }
}

/** Another writer needs a few milliseconds. */
const LOCK_MS = 30_000;

/**
 * Two generations written into one another would be nobody's: the manifest of one, and files of the other. Not in the
 * directory, which is the user's, and may not be there yet.
 */
function lockPath(target: string): string {
  return join(tmpdir(), `stigmer-locks-${process.getuid?.() ?? 0}`, `${sha256(Buffer.from(target))}.lock`);
}

/** What {@link write} would do. */
export async function check(
  directory: string,
  files: ReadonlyMap<string, Uint8Array>,
  { force = false }: WriteOptions = {},
): Promise<WritePlan> {
  const target = resolve(directory);
  return planWrite(files, await survey(target, files.keys()), force);
}

function blocked(directory: string, { path, what }: WritePlan["blocked"][number]): AppError {
  return new AppError("USAGE", `${path} in ${directory} is ${what}, and a file belongs there`, {
    hint: "Move it away, or write to another directory: --output DIRECTORY",
  });
}
