import { execFileSync, spawn } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import type { DockerEngine } from "../../src/docker/engine.ts";

/** What the containers of engine tests need; each is a few dozen kilobytes. */
const PROGRAMS = ["cat", "env", "head", "id", "printenv", "seq", "sh", "sleep", "stty", "tr", "true"];

/**
 * Imports an image of a shell and a few tools, taken from this machine with their libraries: no registry is asked.
 * Removing it is up to the caller.
 */
export function importTinyImage(engine: DockerEngine, reference: string, changes: string[] = []): Promise<string> {
  const programs = PROGRAMS.map(
    (name) => ["/bin", "/usr/bin"].map((folder) => join(folder, name)).find(existsSync) ?? name,
  );
  const libraries = programs.flatMap((program) => librariesOf(realpathSync(program)));
  const paths = [...new Set([...programs, ...libraries])].map((path) => path.slice(1));
  const tar = spawn("tar", ["-C", "/", "--dereference", "--transform=s,^usr/bin/,bin/,", "-cf", "-", ...paths], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return engine.importImage(tar.stdout, reference, { changes, signal: AbortSignal.timeout(60_000) });
}

function librariesOf(program: string): string[] {
  return [
    ...execFileSync("ldd", [program])
      .toString()
      .matchAll(/(\/\S+) \(0x/g),
  ].map((match) => match[1] ?? "");
}
