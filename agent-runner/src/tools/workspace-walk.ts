import { opendir, realpath } from "node:fs/promises";
import { join } from "node:path";

/** Folders that hold no work of the user's and very many files. */
const SKIPPED_FOLDERS = new Set([".git", "node_modules"]);
/** A walk that saw this many entries ends: a workspace can be a home directory. */
const MOST_ENTRIES = 200_000;

export interface WalkedFile {
  /** Relative to the workspace, with `/`. */
  path: string;
  absolute: string;
}

/**
 * Every file of the workspace, folder by folder in the order of their names. Links are not followed, so the walk stays
 * inside and ends.
 * @param enter names folders to walk even though they are usually left out.
 */
export async function* walkWorkspace(
  workspaceRoot: string,
  signal: AbortSignal,
  enter: (folder: string) => boolean = () => false,
): AsyncGenerator<WalkedFile> {
  const root = await realpath(workspaceRoot);
  const waiting = [""];
  let seen = 0;
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    const { files, folders } = await readFolder(join(root, folder));
    seen += files.length + folders.length;
    if (seen > MOST_ENTRIES) return;
    for (const name of files) {
      signal.throwIfAborted();
      const path = folder === "" ? name : `${folder}/${name}`;
      yield { path, absolute: join(root, path) };
    }
    const wanted = folders.filter((name) => !SKIPPED_FOLDERS.has(name) || enter(name));
    waiting.push(...wanted.reverse().map((name) => (folder === "" ? name : `${folder}/${name}`)));
  }
}

async function readFolder(absolute: string): Promise<{ files: string[]; folders: string[] }> {
  const files: string[] = [];
  const folders: string[] = [];
  try {
    for await (const entry of await opendir(absolute)) {
      if (entry.isFile()) files.push(entry.name);
      else if (entry.isDirectory()) folders.push(entry.name);
    }
  } catch {
    // A folder that went away or may not be read: the rest of the workspace is still worth an answer.
  }
  return { files: files.sort(), folders: folders.sort() };
}
