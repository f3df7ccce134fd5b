/** A base image without a registry: made from the host's distribution and the npm package of Node. */
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { type DockerEngine, DockerRequestError } from "../docker/engine.ts";
import { AppError, systemErrorCode } from "../errors.ts";
import { makeDirectory } from "../platform/directories.ts";
import { type BaseTarget, baseReference } from "./base-recipe.ts";
import { fetchDebianPackages, type PackageSource } from "./debian-packages.ts";
import { isDiskFull } from "./failure-text.ts";
import { hasTool, runTool } from "./host-tools.ts";
import { fetchNodePackages } from "./node-packages.ts";
import { assembleRootfs } from "./rootfs.ts";
import { streamRootfs } from "./rootfs-stream.ts";

export interface LocalBaseOptions {
  engine: Pick<DockerEngine, "info" | "inspectImage" | "importImage">;
  target: BaseTarget;
  /** Take the newest packages instead of those in the cache. */
  refresh: boolean;
  env: NodeJS.ProcessEnv;
  progress: (line: string) => void;
  signal: AbortSignal;
}

const TOOLS = ["apt-get", "apt-cache", "dpkg-deb", "tar", "npm"];
const TOOL_TIMEOUT_MS = 120_000;
const ROOTFS_PREFIX = "rootfs-";
/** Far longer than an assembly takes, so that one which runs at the same time keeps its folder. */
const LEFTOVER_AGE_MS = 3_600_000;

/**
 * What a local base would be made for here, or why this machine cannot make one: no Debian or Ubuntu, a missing tool,
 * another architecture than ours.
 */
export async function findBaseTarget(env: NodeJS.ProcessEnv): Promise<BaseTarget | { obstacle: string }> {
  if (process.platform !== "linux") return { obstacle: "this machine does not run Debian or Ubuntu" };
  const { arch } = process;
  if (arch !== "x64" && arch !== "arm64") return { obstacle: `there is no local base for ${arch}` };
  const release = parseOsRelease(await readFile("/etc/os-release", "utf8").catch(() => "")); // Absent: not Debian.
  const family = [release["ID"], ...(release["ID_LIKE"] ?? "").split(" ")];
  if (!family.includes("debian")) return { obstacle: "this machine does not run Debian or Ubuntu" };
  for (const tool of TOOLS) if (!(await hasTool(tool, env))) return { obstacle: `${tool} is not installed` };
  return { distribution: release["ID"] ?? "debian", release: release["VERSION_ID"] ?? "unstable", arch };
}

/**
 * Assembles the local base and returns its reference, `stigmer-base:<hash of the recipe>`.
 *
 * @throws AppError IMAGE_BUILD_FAILED, DISK_FULL, PERMISSION_DENIED for a cache that cannot be written.
 */
export async function assembleLocalBase(options: LocalBaseOptions): Promise<string> {
  try {
    return await assemble(options);
  } catch (error) {
    throw explainFailure(error);
  }
}

async function assemble(options: LocalBaseOptions): Promise<string> {
  const { engine, target, env, progress, signal } = options;
  await requireSameArchitecture(engine, target, signal);
  const cacheDir = baseCacheDir(env);
  await makeDirectory(cacheDir, 0o700);
  await removeLeftovers(cacheDir);
  const { debian, node } = await fetchParts({ ...options, cacheDir });
  progress("Assembling the local base image");
  const root = await mkdtemp(join(cacheDir, ROOTFS_PREFIX));
  try {
    const run = async (command: string, args: readonly string[]) =>
      await runTool(command, args, { cwd: cacheDir, env, signal, timeoutMs: TOOL_TIMEOUT_MS });
    await assembleRootfs(root, { packages: debian.packages, debianFiles: debian.files, node, run });
    const reference = baseReference(target);
    const changes = ["ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 'CMD ["node"]'];
    await engine.importImage(streamRootfs(root, env, signal), reference, { changes, signal });
    return reference;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** What a killed assembly left behind, 160 MB each. */
async function removeLeftovers(cacheDir: string): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    const path = join(cacheDir, name);
    if (!name.startsWith(ROOTFS_PREFIX)) continue;
    const found = await stat(path).catch(() => null); // Another assembly has just removed it.
    const isOld = found !== null && Date.now() - found.mtimeMs > LEFTOVER_AGE_MS;
    if (isOld) await rm(path, { recursive: true, force: true });
  }
}

/** Both downloads at once; when one fails the other is ended. */
async function fetchParts(options: LocalBaseOptions & { cacheDir: string }) {
  const failed = new AbortController();
  const source: PackageSource = { ...options, signal: AbortSignal.any([options.signal, failed.signal]) };
  try {
    const [debian, node] = await Promise.all([
      fetchDebianPackages(source),
      fetchNodePackages(options.target, options.refresh, source),
    ]);
    return { debian, node };
  } catch (error) {
    failed.abort();
    throw error;
  }
}

function explainFailure(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AppError) return error;
  const options = { detail: error.message, cause: error };
  if (isDiskFull(error.message)) {
    return new AppError("DISK_FULL", "The disk is full: the local base image does not fit", {
      ...options,
      hint: "Free some space, for example with `docker image prune`, and build again: stigmer image build",
    });
  }
  if (error instanceof DockerRequestError) {
    return new AppError("IMAGE_BUILD_FAILED", "Docker did not take the local base image", {
      ...options,
      hint: "Use a base image that Docker can reach: stigmer image build --base IMAGE",
    });
  }
  // Any code: on a read-only file system Node's recursive mkdir reports ENOENT.
  if (systemErrorCode(error) !== null) {
    return new AppError("PERMISSION_DENIED", "The cache for base images cannot be written", {
      ...options,
      hint: "Make it writable, or name another folder in XDG_CACHE_HOME",
    });
  }
  return error;
}

async function requireSameArchitecture(
  engine: Pick<DockerEngine, "info">,
  target: BaseTarget,
  signal: AbortSignal,
): Promise<void> {
  const { architecture } = await engine.info({ signal });
  const own = target.arch === "x64" ? "amd64" : "arm64";
  if (architecture === own) return;
  throw new AppError("IMAGE_BUILD_FAILED", `Docker runs on ${architecture}, and a local base made here is for ${own}`, {
    hint: "Name a base image for Docker's architecture: stigmer image build --base IMAGE",
    actions: [{ label: "Build on another base", command: "stigmer image build --base IMAGE" }],
  });
}

function baseCacheDir(env: NodeJS.ProcessEnv): string {
  const caches = env["XDG_CACHE_HOME"];
  return join(caches?.startsWith("/") ? caches : join(homedir(), ".cache"), "stigmer", "base");
}

/** `KEY=value` lines, values perhaps in quotes. */
function parseOsRelease(text: string): Record<string, string> {
  const entries: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const match = /^([A-Z_]+)=(["']?)(.*)\2$/.exec(line);
    if (match?.[1] !== undefined) entries[match[1]] = match[3] ?? "";
  }
  return entries;
}
