import { lstat, realpath, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join } from "node:path";
import { systemErrorCode } from "../../errors.ts";
import { policyDenied } from "../api-error.ts";
import type { Policy } from "./policy.ts";

/** Sockets that are as good as root on this machine, whatever engine the service itself uses. */
const ENGINE_SOCKETS = ["/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock"];

export interface HostPathRule {
  policy: Pick<Policy, "bindRoots" | "dockerSocket">;
  /** The socket of the engine in use; null when it is reached by TCP. */
  socketPath: string | null;
}

/**
 * Where a path of the host really leads, when the policy lets it be mounted. Mount this, not the path as it was given:
 * a link on the way could be turned between the look and the mount.
 *
 * @throws ApiError policy_denied
 */
export async function allowedHostPath(path: string, { policy, socketPath }: HostPathRule): Promise<string> {
  if (!isAbsolute(path) || path.includes("\0")) throw policyDenied(`${JSON.stringify(path)} is no absolute path`);
  const resolved = await resolvePath(path);
  const sockets = await Promise.all([socketPath, ...ENGINE_SOCKETS].filter((one) => one !== null).map(resolveIfThere));
  const isSocket = sockets.includes(resolved) || (await isSameFile(resolved, sockets));
  if (isSocket && policy.dockerSocket) return resolved;
  if (isSocket || (!policy.dockerSocket && (await leadsToSocket(resolved, sockets)))) {
    throw policyDenied(`${path} leads to the engine's socket`);
  }
  // A root that cannot be seen from here, as from inside a container, could hold any link.
  const roots = await Promise.all(policy.bindRoots.map(realpathIfThere));
  if (!roots.some((root) => root !== null && isWithin(root, resolved)))
    throw policyDenied(`${path} lies below none of the bind roots`);
  return resolved;
}

/** Links are followed as far as the path exists; the engine makes the rest. */
async function resolvePath(path: string): Promise<string> {
  const missing: string[] = [];
  for (let existing = path; ; existing = dirname(existing)) {
    const resolved = await realpathIfThere(existing);
    if (resolved !== null) return join(resolved, ...missing.reverse());
    const step = basename(existing);
    // A link that leads nowhere yet could lead anywhere later, and so could a step back out of a folder that is not there.
    if (step === ".." || (await isLink(existing))) throw policyDenied(`${path} cannot be resolved`);
    missing.push(step);
  }
}

async function realpathIfThere(path: string): Promise<string | null> {
  try {
    return await realpath(path);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return null;
    throw policyDenied(`${path} cannot be resolved`);
  }
}

async function isLink(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null))?.isSymbolicLink() === true;
}

async function resolveIfThere(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}

async function leadsToSocket(path: string, sockets: string[]): Promise<boolean> {
  return sockets.some((socket) => isWithin(path, socket)) || (await isSameFile(path, sockets.flatMap(foldersAbove)));
}

/** Another name of the same file: a hard link, or a folder that is mounted in a second place. */
async function isSameFile(path: string, others: string[]): Promise<boolean> {
  const own = await identify(path);
  if (own === null) return false;
  return (await Promise.all(others.map(identify))).includes(own);
}

async function identify(path: string): Promise<string | null> {
  const found = await stat(path, { bigint: true }).catch(() => null);
  return found === null ? null : `${found.dev}:${found.ino}`;
}

function foldersAbove(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [] : [parent, ...foldersAbove(parent)];
}

function isWithin(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith("/") ? root : `${root}/`);
}
