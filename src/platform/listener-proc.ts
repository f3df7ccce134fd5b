import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { PortOwner } from "./port-owner.ts";
import { formatAddress, type Listener, parseListeners, standsInTheWay } from "./proc-net.ts";
import { listPids, readProcStat } from "./proc-stat.ts";
import { describeProcess } from "./process-identity.ts";
import { environmentOf } from "./process-table.ts";

/** Linux: the socket's inode from /proc/net/tcp, then whoever holds that inode open. */
export async function findListenerInProc(port: number, host?: string): Promise<PortOwner | null> {
  const listener = ["tcp", "tcp6"]
    .flatMap((table) => parseListeners(readOrEmpty(`/proc/net/${table}`)))
    .find((entry) => entry.port === port && (host === undefined || standsInTheWay(entry.host, host)));
  if (listener === undefined) return null;
  const pid = findHolder(listener);
  const address = formatAddress(listener);
  if (pid === null) return { pid, command: null, containerId: null, address, environment: null };
  const environment = await readMarks(pid);
  return {
    pid,
    command: (await describeProcess(pid))?.command ?? null,
    containerId: containerIdIn(readOrEmpty(`/proc/${pid}/cgroup`)),
    address,
    environment,
    orphaned: environment?.instance != null && !(await hasServer(pid, environment)),
  };
}

/** The id of the container whose control group a process is in; engines name groups `docker/<id>` or `docker-<id>.scope`. */
export function containerIdIn(cgroup: string): string | null {
  return /(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/.exec(cgroup)?.[0] ?? null;
}

/** A socket that was inherited has several holders: the oldest is the one that opened it. */
function findHolder({ inode }: Listener): number | null {
  const holders = listPids()
    .filter((pid) => holdsSocket(pid, inode))
    .flatMap((pid) => readProcStat(pid) ?? [])
    .sort((one, other) => one.startTime - other.startTime);
  return holders[0]?.pid ?? null;
}

function holdsSocket(pid: number, inode: string): boolean {
  const directory = `/proc/${pid}/fd`;
  try {
    return readdirSync(directory).some((name) => readLinkOrEmpty(`${directory}/${name}`) === `socket:[${inode}]`);
  } catch {
    return false; // Another user's, or gone.
  }
}

async function readMarks(pid: number): Promise<PortOwner["environment"]> {
  const environment = await environmentOf(pid);
  if (environment === null) return null;
  return {
    instance: environment["STIGMER_INSTANCE"] ?? null,
    component: environment["STIGMER_COMPONENT"] ?? null,
  };
}

/** Whether it is the server, or the server that started it still is its parent. */
async function hasServer(
  pid: number,
  { instance, component }: NonNullable<PortOwner["environment"]>,
): Promise<boolean> {
  if (component === "stigmer-server") return true;
  const parent = readProcStat(pid)?.ppid;
  return parent !== undefined && (await readMarks(parent))?.instance === instance;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // No IPv6, or a process that is gone.
  }
}

function readLinkOrEmpty(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // Closed meanwhile.
  }
}
