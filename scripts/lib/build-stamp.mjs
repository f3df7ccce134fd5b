import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { mustRun } from "./run-command.mjs";
import { step } from "./steps.mjs";

/** What the build is made from. The lockfile stands for the packages. */
const SOURCES = [
  "src",
  "agent-runner/src",
  "agent-runner/package.json",
  "scripts/build.mjs",
  "scripts/lib",
  "package-lock.json",
];
const OUTPUTS = ["dist", "dist-serve", "agent-runner/dist"];

/**
 * Builds when the sources are not those of the last build. By content: a checkout touches every file's time.
 *
 * @param {string} root the repository
 */
export function ensureBuild(root) {
  return step("build", async (say) => {
    const hash = await hashSources(root);
    const stampFile = join(root, ".cache", "build.sha256");
    if ((await readStamp(stampFile)) === hash && (await outputsAreComplete(root))) return say("up to date");
    await mustRun(process.execPath, ["scripts/build.mjs", "--no-typecheck"], { cwd: root });
    await mkdir(dirname(stampFile), { recursive: true });
    await writeFile(stampFile, hash);
    say("built");
  });
}

/** @param {string} root */
async function hashSources(root) {
  const hash = createHash("sha256");
  for (const source of SOURCES) {
    for (const file of await listFiles(root, source)) hash.update(`${file}\0`).update(await readFile(join(root, file)));
  }
  return hash.digest("hex");
}

/**
 * @param {string} root
 * @param {string} path a file or a directory
 * @returns {Promise<string[]>} relative to the root, in a fixed order
 */
async function listFiles(root, path) {
  if (path.includes(".")) return [path];
  const entries = await readdir(join(root, path), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .sort();
}

/** @param {string} stampFile */
async function readStamp(stampFile) {
  return existsSync(stampFile) ? await readFile(stampFile, "utf8") : null;
}

/** @param {string} root */
async function outputsAreComplete(root) {
  for (const output of OUTPUTS) {
    const listFile = join(root, output, ".files.json");
    if (!existsSync(listFile)) return false;
    /** @type {string[]} */
    const files = JSON.parse(await readFile(listFile, "utf8"));
    if (!files.every((file) => existsSync(join(root, output, file)))) return false;
  }
  return true;
}
