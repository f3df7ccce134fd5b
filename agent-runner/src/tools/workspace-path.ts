import { constants } from "node:fs";
import { type FileHandle, lstat, open, readlink, realpath } from "node:fs/promises";
import { basename, dirname, join, resolve, sep } from "node:path";
import { systemErrorCode } from "../logging/system-error.ts";
import { ToolError } from "./tool.ts";

/**
 * The real path of what a model calls `path`, which may not exist yet: links are followed as far as they go, and the
 * result is inside the workspace.
 * @throws ToolError
 */
export async function resolveInWorkspace(workspaceRoot: string, path: string): Promise<string> {
  if (path.includes("\0")) throw new ToolError("a path cannot hold a NUL character");
  const root = await realpath(workspaceRoot);
  const wanted = resolve(root, inRealRoot(path, workspaceRoot, root));
  requireInside(root, wanted, path);
  const real = await resolveLinks(wanted, path);
  requireInside(root, real, path);
  return real;
}

/**
 * Opens a regular file of the workspace. A link that is put in place after {@link resolveInWorkspace} looked is not
 * followed: the last component by the open itself, a folder before it by asking the kernel what was opened.
 * @param flags of open(2); without O_TRUNC, which would act before the check.
 * @throws ToolError
 */
export async function openInWorkspace(workspaceRoot: string, path: string, flags: number): Promise<FileHandle> {
  const real = await resolveInWorkspace(workspaceRoot, path);
  const handle = await open(real, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o666).catch(
    (error: unknown) => {
      throw new ToolError(explainOpen(error, path));
    },
  );
  try {
    const stat = await handle.stat();
    if (stat.isDirectory()) throw new ToolError(`${path} is a directory`);
    if (!stat.isFile()) throw new ToolError(`${path} is not a regular file`);
    const opened = await openedPath(handle);
    if (opened !== null) requireInside(await realpath(workspaceRoot), opened, path);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** An absolute path may name the workspace as it is configured, even where that is a link. */
function inRealRoot(path: string, workspaceRoot: string, root: string): string {
  const configured = resolve(workspaceRoot);
  const isBelow = path === configured || path.startsWith(configured + sep);
  return isBelow ? join(root, path.slice(configured.length)) : path;
}

function requireInside(root: string, real: string, path: string): void {
  if (real !== root && !real.startsWith(root.endsWith(sep) ? root : root + sep)) {
    throw new ToolError(`${path} is outside the workspace`);
  }
}

/** The deepest part that exists, with its links resolved, and the rest as it is written. */
async function resolveLinks(wanted: string, path: string): Promise<string> {
  try {
    return await realpath(wanted);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOTDIR") throw new ToolError(`${path}: a part of it is a file, not a directory`);
    if (code !== "ENOENT") throw new ToolError(`${path} cannot be read: ${code}`);
  }
  // A link to nowhere would be followed when the file is made.
  if (await isLink(wanted)) throw new ToolError(`${path} is a link to ${await readlink(wanted)}, which does not exist`);
  const parent = dirname(wanted);
  return parent === wanted ? wanted : join(await resolveLinks(parent, path), basename(wanted));
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch {
    return false; // It does not exist at all.
  }
}

/** What the descriptor really is, on Linux; elsewhere null. */
async function openedPath(handle: FileHandle): Promise<string | null> {
  if (process.platform !== "linux") return null;
  return await readlink(`/proc/self/fd/${handle.fd}`);
}

function explainOpen(error: unknown, path: string): string {
  switch (systemErrorCode(error)) {
    case "ENOENT":
      return `${path} does not exist`;
    case "EISDIR":
      return `${path} is a directory`;
    case "EACCES":
    case "EPERM":
      return `${path}: permission denied`;
    case "ELOOP":
      return `${path} became a link while it was opened`;
    default:
      return `${path} cannot be opened: ${error instanceof Error ? error.message : String(error)}`;
  }
}
