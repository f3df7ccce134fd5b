import { link, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { AppError, systemErrorCode } from "../errors.ts";
import { ensureDirectory } from "./directories.ts";
import { toFileError } from "./file-error.ts";
import { readTextIfExists, syncDirectory, writeSynced } from "./files.ts";
import type { HomePaths } from "./paths.ts";
import { quoteForShell } from "./shell-quote.ts";
import { temporaryName } from "./temporary-file.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

type InstancePaths = Pick<HomePaths, "instanceIdFile">;

/**
 * The UUID of this home; written by whoever comes first, the same for all who come at once.
 *
 * @throws AppError STATE_DAMAGED when the file holds something else (it stays as it is); see toFileError for the rest.
 */
export async function readOrCreateInstanceId(paths: InstancePaths): Promise<string> {
  return (await readInstanceId(paths)) ?? (await createInstanceId(paths.instanceIdFile));
}

/** Null when this home has none yet. @throws AppError, as readOrCreateInstanceId does. */
export async function readInstanceId({ instanceIdFile }: InstancePaths): Promise<string | null> {
  const text = await readTextIfExists(instanceIdFile, { maxBytes: 1024 }).catch((error: unknown) => {
    throw error instanceof AppError && error.code === "STATE_DAMAGED" ? damaged(instanceIdFile) : error;
  });
  if (text === null) return null;
  const id = text.trim();
  if (!UUID.test(id)) throw damaged(instanceIdFile);
  return id;
}

/** A link, unlike a rename, fails when the name is taken, and unlike O_EXCL never shows a file that is not written yet. */
async function createInstanceId(path: string): Promise<string> {
  const id = crypto.randomUUID();
  const temporary = temporaryName(path);
  try {
    await ensureDirectory(dirname(path));
    await writeSynced(temporary, `${id}\n`, 0o600);
    await link(temporary, path);
    await syncDirectory(dirname(path));
    return id;
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") throw toFileError(error, path);
  } finally {
    await rm(temporary, { force: true });
  }
  const winner = await readInstanceId({ instanceIdFile: path });
  if (winner === null)
    throw new AppError("STATE_DAMAGED", `${path} was deleted while it was read`, { retryable: true });
  return winner;
}

function damaged(path: string): AppError {
  const format = `{{.Names}} {{.Label "ai.stigmer.instance"}}`;
  return new AppError("STATE_DAMAGED", `${path} does not hold the UUID of this home`, {
    hint: "Write back the UUID that its containers carry, or move the file away: the next start makes a new one, and containers made before are then no longer known as ours",
    actions: [
      {
        label: "See the UUIDs of existing containers",
        command: `docker ps -a --filter label=ai.stigmer.managed=true --format ${quoteForShell(format)}`,
      },
      { label: "Move the file away", command: `mv ${quoteForShell(path)} ${quoteForShell(`${path}.damaged`)}` },
    ],
  });
}
