import { join } from "node:path";
import { removePidFile } from "../components/process/pid-file.ts";
import { removeIfExists } from "../platform/files.ts";
import type { HomePaths } from "../platform/paths.ts";

/** Where restart counters lie between a crash of the server and its successor. */
export function restartsFile(paths: HomePaths): string {
  return join(paths.runDir, "restarts.json");
}

/**
 * What a server leaves only by crashing: its PID file, socket, token, recorded ports and counters. Idempotent. With
 * `keepGrant` what a component needs to be adopted stays, for one that was left alive.
 */
export async function removeServerFiles(paths: HomePaths, options: { keepGrant: boolean }): Promise<void> {
  await removeIfExists(paths.socketFile);
  await removeIfExists(paths.socketRecordFile);
  await removeIfExists(restartsFile(paths));
  if (!options.keepGrant) {
    await removeIfExists(paths.tokenFile);
    await removeIfExists(paths.portFile);
    await removeIfExists(paths.dockerRunnerPortFile);
    await removeIfExists(paths.dockerRunnerPolicyFile);
  }
  // Last: as long as it is there, this server is found.
  await removePidFile(paths.pidFile("stigmer-server"));
}
