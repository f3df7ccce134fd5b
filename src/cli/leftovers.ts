import { readdir, readFile } from "node:fs/promises";
import { type HomePaths, isDefaultHome } from "../platform/paths.ts";
import { quoteForShell } from "../platform/shell-quote.ts";
import { COMPONENT_NAMES } from "../stack/component.ts";

/** What a forced end of `server start`, `stop` or `restart` leaves, and the command that removes it. */
export interface Leftovers {
  lines: string[];
  command: string;
}

/** Reads the state files: a forced command has no time to ask anybody. Null when nothing is left. */
export async function findLeftovers(paths: HomePaths): Promise<Leftovers | null> {
  const processes = COMPONENT_NAMES.map(async (name) => {
    const pid = await readFirstLine(paths.pidFile(name));
    return pid === null ? [] : [`${name} (PID ${pid})`];
  });
  const container = await readFirstLine(paths.containerIdFile);
  const lines = (await Promise.all(processes)).flat();
  if (container !== null) lines.push(`agent-runner (container ${container.slice(0, 12)})`);
  if (lines.length === 0) return null;
  const home = isDefaultHome(paths.home) ? "" : ` --home ${quoteForShell(paths.home)}`;
  return { lines, command: `stigmer server stop --force${home}` };
}

/** Of a forced `deploy up` or `deploy down`: its lock names the deployment. Null when none was under way. */
export async function findDeploymentLeftovers(paths: HomePaths): Promise<Leftovers | null> {
  const entries = await readdir(paths.runDir).catch(() => []); // No folder: nothing was begun.
  const names = entries.flatMap((entry) => /^deploy-([a-z0-9._-]+)\.lock$/.exec(entry)?.[1] ?? []);
  const [name] = names;
  if (name === undefined) return null;
  const lines = names.map((one) => `the unfinished deployment ${one}, which the next stigmer deploy up puts right`);
  return { lines, command: `stigmer deploy down ${name}` };
}

async function readFirstLine(path: string): Promise<string | null> {
  try {
    const [line = ""] = (await readFile(path, "utf8")).split("\n", 1);
    return /^[0-9a-f]{1,64}$/.test(line) ? line : null;
  } catch {
    return null; // Not there, or not to be read: nothing that could be named.
  }
}
