import type { PortOwner } from "./port-owner.ts";
import { formatAddress, standsInTheWay } from "./proc-net.ts";
import { describeProcess } from "./process-identity.ts";
import { runTool } from "./system-tool.ts";

/** macOS, where containers run in a machine of their own and environments cannot be read. */
export async function findListenerByLsof(port: number, host?: string): Promise<PortOwner | null> {
  const output = await runTool("lsof", ["-nP", `-iTCP:${port}`, "-sTCP:LISTEN", "-Fpn"]);
  const found = parseLsof(output ?? "").find((entry) => host === undefined || standsInTheWay(entry.host, host));
  if (found === undefined) return null;
  const command = (await describeProcess(found.pid))?.command ?? null;
  return { pid: found.pid, command, containerId: null, address: formatAddress({ ...found, port }), environment: null };
}

/** Lines `p<PID>`, then `n<address>:<port>` for each of its sockets. `*` is every address. */
export function parseLsof(output: string): { pid: number; host: string }[] {
  const found: { pid: number; host: string }[] = [];
  let pid = 0;
  for (const line of output.split("\n")) {
    if (line.startsWith("p")) pid = Number(line.slice(1));
    const host = /^n\[?(.+?)\]?:\d+$/.exec(line)?.[1];
    if (host !== undefined) found.push({ pid, host: host === "*" ? "::" : host });
  }
  return found;
}
