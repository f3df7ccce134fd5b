/** Node itself and npm for the local base, from the npm registry by the ordinary client. */
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../errors.ts";
import { type BaseTarget, NODE_MAJOR, NPM_MAJOR } from "./base-recipe.ts";
import type { PackageSource } from "./debian-packages.ts";
import { runTool } from "./host-tools.ts";

export interface NodePackages {
  /** A tarball that holds `package/bin/node`. */
  nodeTarball: string;
  npmTarball: string;
}

const DOWNLOAD_TIMEOUT_MS = 300_000;

/**
 * The tarballs of Node and npm: from the cache when it has one of the right major version, else (or to `refresh`)
 * the newest of the registry.
 *
 * @throws AppError IMAGE_BUILD_FAILED, DISK_FULL.
 */
export async function fetchNodePackages(
  target: BaseTarget,
  refresh: boolean,
  source: PackageSource,
): Promise<NodePackages> {
  const folder = join(source.cacheDir, "npm");
  await mkdir(folder, { recursive: true });
  const fetch = async (name: string, major: number) =>
    (refresh ? null : await newestCached(folder, name, major)) ?? (await pack(name, major, folder, source));
  const [nodeTarball, npmTarball] = await Promise.all([
    fetch(`node-linux-${target.arch}`, NODE_MAJOR),
    fetch("npm", NPM_MAJOR),
  ]);
  return { nodeTarball, npmTarball };
}

async function newestCached(folder: string, name: string, major: number): Promise<string | null> {
  const prefix = `${name}-${major}.`;
  const names = (await readdir(folder)).filter((entry) => entry.startsWith(prefix) && entry.endsWith(".tgz"));
  names.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const newest = names.at(-1);
  return newest === undefined ? null : join(folder, newest);
}

async function pack(name: string, major: number, folder: string, source: PackageSource): Promise<string> {
  source.progress(`Downloading the npm package ${name} ${major}`);
  const staging = await mkdtemp(join(folder, "download-"));
  try {
    const args = ["pack", `${name}@${major}`, "--loglevel=error", "--dry-run=false", "--workspaces=false"];
    await runTool("npm", args, {
      cwd: staging,
      env: source.env,
      signal: source.signal,
      timeoutMs: DOWNLOAD_TIMEOUT_MS,
    });
    const fileName = (await readdir(staging)).find((entry) => entry.endsWith(".tgz"));
    if (fileName === undefined) {
      throw new AppError("IMAGE_BUILD_FAILED", `npm pack ${name}@${major} wrote no tarball`);
    }
    await rename(join(staging, fileName), join(folder, fileName));
    return join(folder, fileName);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}
