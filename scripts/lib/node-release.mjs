import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * The program of a Node release, from the npm package that holds it; kept in the cache folder of the checkout.
 *
 * @param {number} major
 * @param {string} root the repository
 * @returns {Promise<string>}
 */
export async function fetchNodeRelease(major, root) {
  const cache = join(root, ".cache", "node");
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
  try {
    renameSync(staging, directory);
  } catch (error) {
    rmSync(staging, { recursive: true });
    // Somebody who fetched it at the same time was first.
    if (!existsSync(program)) throw error;
  }
  return program;
}
