import { readTextIfExistsSync, removeIfExists, writeFileAtomic } from "../platform/files.ts";
import type { HomePaths } from "../platform/paths.ts";

/** Where the server of this home listens: as recorded when it is not under the home, else where it would bind. */
export function findSocketPath(paths: HomePaths): string {
  if (paths.socketFile.startsWith(paths.runDir)) return paths.socketFile;
  return readTextIfExistsSync(paths.socketRecordFile)?.trim() || paths.socketFile;
}

/** Records a socket outside the home, so that a client with another temp dir finds it. */
export async function recordSocketPath(paths: HomePaths): Promise<void> {
  if (paths.socketFile.startsWith(paths.runDir)) await removeIfExists(paths.socketRecordFile);
  else await writeFileAtomic(paths.socketRecordFile, `${paths.socketFile}\n`);
}
