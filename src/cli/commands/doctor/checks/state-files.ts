import { readContainerIdFile } from "../../../../components/container/container-id-file.ts";
import { type PidFileState, readPidFile } from "../../../../components/process/pid-file.ts";
import { readInstanceId } from "../../../../platform/instance.ts";
import { COMPONENT_NAMES } from "../../../../stack/component.ts";
import { type Check, type DoctorFacts, pass, warn } from "../check.ts";

/** PID and container-ID files say what is true. */
export async function checkStateFiles({ paths, engine, signal }: DoctorFacts): Promise<Check> {
  const instance = await readInstanceId(paths);
  const pidFiles = await Promise.all(
    COMPONENT_NAMES.map(async (name) => describePidFile(name, await readPidFile(paths.pidFile(name), instance))),
  );
  const idFile = await readContainerIdFile(paths.containerIdFile);
  const stale = pidFiles.filter((sentence) => sentence !== null);
  if (idFile.kind === "damaged") stale.push(`the container-ID file is damaged: ${idFile.detail}`);
  if (idFile.kind === "id" && engine !== null && (await engine.inspectContainer(idFile.id, { signal })) === null) {
    stale.push(`the container-ID file names a container that is gone (${idFile.id.slice(0, 12)})`);
  }
  if (stale.length === 0) return pass("state files", "every PID and ID file is true");
  return warn("state files", stale.join("; "), "The next start or stop cleans up: stigmer server stop");
}

function describePidFile(name: string, state: PidFileState): string | null {
  switch (state.kind) {
    case "absent":
    case "alive":
      return null;
    case "dead":
      return `the PID file of ${name} names a process that is gone (${state.pid})`;
    case "stranger":
      return `the PID file of ${name} names a process that is not ours (${state.pid}): ${state.detail}`;
    case "damaged":
      return `the PID file of ${name} is damaged: ${state.detail}`;
    default:
      return state satisfies never;
  }
}
