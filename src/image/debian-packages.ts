/** Debian packages for the local base: which ones, where they are kept, and getting those that are not there. */
import { mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../errors.ts";
import { EXCLUDED_PACKAGES, ROOT_PACKAGES } from "./base-recipe.ts";
import { runTool, type ToolOptions } from "./host-tools.ts";
import { closePackages, parseDependencies } from "./package-closure.ts";

export interface DebianPackage {
  name: string;
  version: string;
  /** As apt names the downloaded file. */
  fileName: string;
  sizeBytes: number;
}

/** Where packages and apt's private lists are kept, and how tools are run. */
export interface PackageSource {
  cacheDir: string;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  progress: (line: string) => void;
}

const LOCAL_CALL_TIMEOUT_MS = 30_000;
const NETWORK_CALL_TIMEOUT_MS = 180_000;

const DEPENDENCIES_ONLY = [
  "--recurse",
  "--no-recommends",
  "--no-suggests",
  "--no-conflicts",
  "--no-breaks",
  "--no-replaces",
  "--no-enhances",
];

/**
 * The files of every package that the base needs. The host's package lists are used when they know the packages and
 * their files are still on the mirror; otherwise private lists are fetched, which needs no root and changes nothing
 * of the system.
 *
 * @throws AppError IMAGE_BUILD_FAILED, DISK_FULL.
 */
export async function fetchDebianPackages(
  source: PackageSource,
): Promise<{ packages: DebianPackage[]; files: string[] }> {
  try {
    return await fetchWith([], source);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "IMAGE_BUILD_FAILED") throw error;
    source.progress("Fetching the package lists");
    const lists = await privateLists(source.cacheDir);
    await runTool("apt-get", [...lists, "--quiet", "update"], toolOptions(source, NETWORK_CALL_TIMEOUT_MS));
    return await fetchWith(lists, source);
  }
}

async function fetchWith(
  lists: string[],
  source: PackageSource,
): Promise<{ packages: DebianPackage[]; files: string[] }> {
  const packages = await resolvePackages(lists, source);
  const folder = join(source.cacheDir, "debian");
  await mkdir(folder, { recursive: true });
  const missing: DebianPackage[] = [];
  for (const wanted of packages) {
    if (!(await isComplete(join(folder, wanted.fileName), wanted.sizeBytes))) missing.push(wanted);
  }
  if (missing.length > 0) await download(missing, folder, lists, source);
  return { packages, files: packages.map((wanted) => join(folder, wanted.fileName)) };
}

async function resolvePackages(lists: string[], source: PackageSource): Promise<DebianPackage[]> {
  const options = toolOptions(source, LOCAL_CALL_TIMEOUT_MS);
  const graph = await runTool("apt-cache", [...lists, "depends", ...DEPENDENCIES_ONLY, ...ROOT_PACKAGES], options);
  const names = closePackages(parseDependencies(graph), ROOT_PACKAGES, EXCLUDED_PACKAGES);
  const listing = await runTool("apt-get", [...lists, "download", "--print-uris", ...names], options);
  const packages = parseUris(listing);
  const unknown = names.filter((name) => !packages.some((found) => found.name === name));
  if (unknown.length > 0) {
    throw new AppError("IMAGE_BUILD_FAILED", `The package lists of this machine do not know ${unknown.join(", ")}`, {
      hint: "Bring the lists up to date: sudo apt-get update",
      actions: [{ label: "Update the package lists", command: "sudo apt-get update" }],
    });
  }
  return packages;
}

/** apt checks the hash of what it downloads; a file gets its name in the cache only when it is whole. */
async function download(
  missing: DebianPackage[],
  folder: string,
  lists: string[],
  source: PackageSource,
): Promise<void> {
  source.progress(`Downloading ${missing.length} packages of the distribution`);
  const staging = await mkdtemp(join(folder, "download-"));
  try {
    await runTool(
      "apt-get",
      // The sandbox user of a root apt cannot write to a private folder and would only warn about it.
      [...lists, "-o", "APT::Sandbox::User=", "--quiet", "download", ...missing.map((wanted) => wanted.name)],
      { ...toolOptions(source, NETWORK_CALL_TIMEOUT_MS), cwd: staging },
    );
    for (const { fileName } of missing) await rename(join(staging, fileName), join(folder, fileName));
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Lines like `'http://…/git_2.39.deb' git_1%3a2.39_amd64.deb 7264380 SHA256:…`. */
export function parseUris(listing: string): DebianPackage[] {
  const packages: DebianPackage[] = [];
  for (const line of listing.split("\n")) {
    const match = /^'[^']*' (([^_\s]+)_([^_\s]+)_[^_\s]+\.deb) (\d+)(?: |$)/.exec(line);
    const [, fileName, name, version, size] = match ?? [];
    if (fileName === undefined || name === undefined || version === undefined) continue;
    packages.push({ name, version: decodeURIComponent(version), fileName, sizeBytes: Number(size) });
  }
  return packages.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function isComplete(file: string, sizeBytes: number): Promise<boolean> {
  return await stat(file).then(
    (found) => found.size === sizeBytes,
    () => false,
  );
}

async function privateLists(cacheDir: string): Promise<string[]> {
  const folder = join(cacheDir, "apt");
  await mkdir(join(folder, "lists", "partial"), { recursive: true });
  await mkdir(join(folder, "cache", "archives", "partial"), { recursive: true });
  return [
    ...["-o", `Dir::State::Lists=${join(folder, "lists")}`],
    ...["-o", `Dir::Cache=${join(folder, "cache")}`],
    ...["-o", "APT::Sandbox::User="],
  ];
}

function toolOptions(source: PackageSource, timeoutMs: number): ToolOptions {
  return { cwd: source.cacheDir, env: source.env, signal: source.signal, timeoutMs };
}
