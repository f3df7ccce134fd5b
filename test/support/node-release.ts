import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { packageRoot } from "../../src/platform/package.ts";

const run = promisify(execFile);

/** The program of a Node release, from the npm package that holds it; kept in the cache folder of this checkout. */
export async function nodeRelease(major: number): Promise<string> {
  const cache = join(packageRoot(), ".cache", "node");
  const directory = join(cache, String(major));
  const program = join(directory, "package", "bin", "node");
  if (existsSync(program)) return program;
  mkdirSync(cache, { recursive: true });
  const staging = mkdtempSync(join(cache, "download-"));
  await run("npm", ["pack", `node-linux-${process.arch}@${major}`, "--loglevel=error", "--workspaces=false"], {
    cwd: staging,
  });
  const tarball = readdirSync(staging).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error(`npm pack brought no Node ${major}`);
  await run("tar", ["-xzf", tarball], { cwd: staging });
  rmSync(join(staging, tarball));
  renameSync(staging, directory);
  return program;
}
