import { dirname, join } from "node:path";
import { toFileError } from "../../platform/file-error.ts";
import { syncDirectory } from "../../platform/files.ts";
import { MANIFEST_NAME, type Manifest, manifestText, parseManifest } from "../manifest.ts";
import type { WritePlan } from "./plan.ts";
import { Transaction } from "./transaction.ts";

export interface Update {
  directory: string;
  files: ReadonlyMap<string, Uint8Array>;
  plan: WritePlan;
  /** Of the generation before; null in an empty directory. */
  previous: Manifest | null;
}

/**
 * Brings a directory up to date where it stands, since a shell, a mount or a compose project may be in it. All new content
 * lies on the disk, under temporary names, before the first file is replaced; an error after that puts everything back.
 * Should the process be killed in between, the manifest names both generations as ours, and the next one finishes.
 *
 * @throws AppError DISK_FULL, PERMISSION_DENIED, …; the directory is then as it was.
 */
export async function updateDirectory(update: Update): Promise<void> {
  const transaction = new Transaction();
  try {
    await apply(update, transaction);
    await transaction.commit();
  } catch (error) {
    await transaction.rollBack();
    throw toFileError(error, update.directory);
  }
  await syncDirectory(update.directory);
}

async function apply({ directory, files, plan, previous }: Update, transaction: Transaction): Promise<void> {
  const at = (path: string) => join(directory, path);
  const manifest = at(MANIFEST_NAME);
  const last = contentOf(files, MANIFEST_NAME);
  const folders = new Set([manifest, ...plan.write.map(at)].map((path) => dirname(path)));
  for (const folder of folders) await transaction.prepareFolder(folder);

  const staged: [string, string][] = [];
  for (const path of plan.write.filter((other) => other !== MANIFEST_NAME)) {
    staged.push([at(path), await transaction.stage(at(path), contentOf(files, path))]);
  }
  const stagedManifest = await transaction.stage(manifest, last);
  const interim = await transaction.stage(manifest, Buffer.from(manifestText(interimManifest(last, previous))));

  await transaction.replace(manifest, interim);
  for (const [path, content] of staged) await transaction.replace(path, content);
  for (const path of plan.remove) await transaction.remove(at(path));
  await transaction.replace(manifest, stagedManifest);
}

/** Names both generations as ours. */
function interimManifest(next: Uint8Array, previous: Manifest | null): Manifest {
  const manifest = parseManifest(Buffer.from(next).toString());
  if (manifest === null) throw new Error("the generated manifest cannot be read back");
  return { ...manifest, replacing: { ...previous?.replacing, ...previous?.files } };
}

function contentOf(files: Update["files"], path: string): Uint8Array {
  const content = files.get(path);
  if (content === undefined) throw new Error(`there is no content for ${path}`);
  return content;
}
