/** What goes into the image: the Dockerfile and the bundled runner. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { systemErrorCode } from "../errors.ts";

/** Inside the build context, with forward slashes. */
export const DOCKERFILE_PATH = "agent-runner/Dockerfile";
const BUNDLE_PATH = "agent-runner/dist";
const MAIN_PATH = `${BUNDLE_PATH}/main.js`;

export interface SourceFile {
  /** Relative to the package's root, with forward slashes. */
  path: string;
  content: Buffer;
}

/** The files below `root`, sorted by path; null when the runner has not been bundled. */
export async function readSources(root: string): Promise<SourceFile[] | null> {
  const paths = [DOCKERFILE_PATH];
  try {
    for (const entry of await readdir(join(root, BUNDLE_PATH), { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) paths.push(relative(root, join(entry.parentPath, entry.name)).replaceAll(sep, "/"));
    }
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return null;
    throw error;
  }
  if (!paths.includes(MAIN_PATH)) return null;
  return await Promise.all(paths.sort().map(async (path) => ({ path, content: await readFile(join(root, path)) })));
}

/** Hex digest over paths and contents: the value of the label `ai.stigmer.source-hash`. */
export function hashSources(files: readonly SourceFile[]): string {
  const hash = createHash("sha256");
  // The length in front keeps one file's end from passing for the next one's beginning.
  for (const { path, content } of files) hash.update(`${path}\0${content.length}\0`).update(content);
  return hash.digest("hex");
}
