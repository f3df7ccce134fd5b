import { lstat, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AppError, systemErrorCode } from "../../errors.ts";
import { toFileError } from "../../platform/file-error.ts";
import { quoteForShell } from "../../platform/shell-quote.ts";
import { MANIFEST_NAME, type Manifest, parseManifest, sha256 } from "../manifest.ts";

/** What lies at a path: a regular file by its digest, or something else that we do not look into. */
export type Found = { kind: "file"; digest: string } | { kind: "missing" } | { kind: "other"; what: string };

export interface Survey {
  /** False: nothing is there yet. */
  exists: boolean;
  /** Null in a directory that is not there or empty. */
  manifest: Manifest | null;
  /** Of the paths that were asked for and of those in the manifest. */
  found: Map<string, Found>;
}

/**
 * Looks at an output directory, and touches nothing.
 *
 * @throws AppError USAGE for a directory that holds something and no manifest of ours, and for what is no directory.
 */
export async function survey(directory: string, paths: Iterable<string>): Promise<Survey> {
  const names = await listDirectory(directory);
  if (names === null) return { exists: false, manifest: null, found: new Map() };
  const manifest = names.includes(MANIFEST_NAME) ? await readManifest(join(directory, MANIFEST_NAME)) : null;
  if (manifest === null && names.some((name) => !isLeftover(name))) throw foreignDirectory(directory);
  const found = new Map<string, Found>();
  for (const path of new Set([...paths, ...Object.keys(manifest?.files ?? {})])) {
    found.set(path, await look(directory, path));
  }
  return { exists: true, manifest, found };
}

/** What a killed writer left in a directory that was empty. */
function isLeftover(name: string): boolean {
  return /^\..+\.\d+\.[0-9a-f-]{36}\.tmp$/.test(name);
}

async function listDirectory(directory: string): Promise<string[] | null> {
  try {
    return await readdir(directory);
  } catch (error) {
    switch (systemErrorCode(error)) {
      case "ENOENT":
        if (await isLink(directory)) {
          throw new AppError("USAGE", `${directory} is a link to something that is not there`, {
            hint: "Make the directory that it points to, or name another one: --output DIRECTORY",
          });
        }
        return null;
      case "ENOTDIR":
        throw new AppError("USAGE", `${directory} is a file, and a deployment is a directory`, {
          hint: "Name another directory: --output DIRECTORY",
        });
      default:
        throw toFileError(error, directory);
    }
  }
}

async function isLink(path: string): Promise<boolean> {
  return await lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false, // Nothing is there.
  );
}

async function readManifest(path: string): Promise<Manifest | null> {
  try {
    return (await lstat(path)).isFile() ? parseManifest(await readFile(path, "utf8")) : null;
  } catch (error) {
    throw toFileError(error, path);
  }
}

/** A folder on the way that is a link would lead us out of the directory. */
async function look(directory: string, path: string): Promise<Found> {
  try {
    const parent = dirname(path);
    if (parent !== "." && !(await lstat(join(directory, parent))).isDirectory()) {
      return { kind: "other", what: `${parent} is no folder` };
    }
    const stats = await lstat(join(directory, path));
    if (!stats.isFile()) return { kind: "other", what: stats.isDirectory() ? "a folder" : "no regular file" };
    return { kind: "file", digest: sha256(await readFile(join(directory, path))) };
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return { kind: "missing" };
    throw toFileError(error, join(directory, path));
  }
}

function foreignDirectory(directory: string): AppError {
  return new AppError(
    "USAGE",
    `${directory} holds something that stigmer did not write, and no ${MANIFEST_NAME} of stigmer's`,
    {
      hint: "It was left alone. Name a directory that is empty or not there yet: --output DIRECTORY",
      actions: [{ label: "See what it holds", command: `ls -A ${quoteForShell(directory)}` }],
    },
  );
}
