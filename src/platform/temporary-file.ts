import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { identify } from "./process-identity.ts";

/**
 * Beside the file, so that a rename stays on one file system, and with the writer's PID, by which leftovers are known.
 * The global `crypto` is loaded when it is used; importing `node:crypto` costs every start of the CLI 4 ms.
 */
export function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}.${crypto.randomUUID()}.tmp`);
}

/**
 * Deletes the temporary files and folders in a folder whose writer was killed before it could rename or delete them: all, or
 * those that were to become `target`.
 */
export async function removeLeftovers(directory: string, target?: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (target !== undefined && !name.startsWith(`.${target}.`)) continue;
    const writer = writerOf(name);
    if (writer === null || (await identify(writer)) !== null) continue;
    await rm(join(directory, name), { recursive: true, force: true });
  }
}

function writerOf(name: string): number | null {
  const match = /^\..+\.(\d{1,10})\.[0-9a-f-]{36}\.tmp$/.exec(name);
  return match === null ? null : Number(match[1]);
}
