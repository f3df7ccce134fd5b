import { resolve } from "node:path";
import { AppError } from "../../errors.ts";
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
