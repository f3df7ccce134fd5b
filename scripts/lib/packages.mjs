import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { mustRun } from "./run-command.mjs";
import { announce, step } from "./steps.mjs";

const INSTALL = [
  // The versions of the lockfile, which stays as it is. `npm ci` would refuse one that was written with a mirror that
  // lacks optional packages of other platforms.
  "install",
  "--no-save",
  "--ignore-scripts", // all of them are optional: native builds that want headers from the network
  "--include=dev",
  "--prefer-offline",
  "--no-audit",
  "--no-fund",
  "--loglevel=error",
];

/**
 * Installs the packages of package-lock.json when those in node_modules are not they.
 *
 * @param {string} root the repository
 */
export function ensurePackages(root) {
  return step("packages", async (say) => {
    if (await packagesAreCurrent(root)) return say("up to date");
    announce("packages", "npm install");
    await clearForInstall(root);
    const npm = process.env["npm_execpath"]; // set when npm started this script
    if (npm === undefined) await mustRun("npm", INSTALL, { cwd: root });
    else await mustRun(process.execPath, [npm, ...INSTALL], { cwd: root });
    say("installed");
  });
}

/**
 * npm writes what it installed to a lockfile of its own when it is done, so an installation by hand counts.
 *
 * @param {string} root
 */
async function packagesAreCurrent(root) {
  const installedFile = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(installedFile)) return false;
  const wanted = await readLockfile(join(root, "package-lock.json"));
  const installed = await readLockfile(installedFile);
  return Object.entries(wanted)
    .filter(([path]) => path.includes("node_modules/"))
    .every(([path, entry]) => {
      const found = installed[path];
      // Optional packages of other platforms are wanted and never there.
      if (found === undefined) return entry.optional === true;
      return found.version === entry.version && existsSync(join(root, path));
    });
}

/**
 * An installation that is killed leaves folders that look complete. It shows by the missing lockfile of npm's own, and
 * the next one begins from nothing.
 *
 * @param {string} root
 */
async function clearForInstall(root) {
  const modules = join(root, "node_modules");
  const installedFile = join(modules, ".package-lock.json");
  if (existsSync(installedFile)) await rm(installedFile);
  else await rm(modules, { recursive: true, force: true });
}

/**
 * @param {string} file
 * @returns {Promise<Record<string, { version?: string, optional?: boolean }>>}
 */
async function readLockfile(file) {
  return JSON.parse(await readFile(file, "utf8")).packages;
}
