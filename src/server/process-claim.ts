import { removePidFile, writePidFile } from "../components/process/pid-file.ts";
import { AppError } from "../errors.ts";
import type { HomePaths } from "../platform/paths.ts";
import { identifySync } from "../platform/process-identity.ts";

/**
 * Records this process as the server of its home: its first act, so that from here on every start and stop finds it.
 * A launcher that died before may have let a stop see nothing; then this server must not come to be.
 *
 * @throws AppError INTERRUPTED when the launcher is gone.
 */
export async function claimHome(
  paths: HomePaths,
  facts: { instance: string; version: string; launcherPid: number; startedAt: string },
): Promise<void> {
  const identity = identifySync(process.pid);
  if (identity === null) throw new Error("this process has no identity");
  const file = paths.pidFile("stigmer-server");
  await writePidFile(file, {
    ...identity,
    executable: process.execPath,
    instance: facts.instance,
    version: facts.version,
    startedAt: facts.startedAt,
  });
  if (process.ppid === facts.launcherPid) return;
  await removePidFile(file);
  throw new AppError("INTERRUPTED", "The command that launched this server is gone");
}
