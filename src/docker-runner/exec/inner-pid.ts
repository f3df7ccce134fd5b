import { readFile } from "node:fs/promises";

/**
 * The PID, inside its container, of a process that the engine knows by the host's. Null where that cannot be told: on
 * another machine than the engine's, or in a container of our own.
 */
export async function readInnerPid(hostPid: number, containerId: string): Promise<string | null> {
  const read = (name: string) => readFile(`/proc/${hostPid}/${name}`, "utf8").catch(() => "");
  const [status, cgroup] = await Promise.all([read("status"), read("cgroup")]);
  // The same number here may be somebody else's process: it must be one of this container.
  if (hostPid <= 0 || !cgroup.includes(containerId)) return null;
  return /^NSpid:.*\t(\d+)$/m.exec(status)?.[1] ?? null;
}
