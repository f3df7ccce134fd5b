import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { mustRun, runCommand } from "./run-command.mjs";

/**
 * Installs packages of Debian or Ubuntu; needs root.
 *
 * @param {string[]} names
 * @param {{ cwd: string }} place
 */
export async function installDebianPackages(names, { cwd }) {
  // In a group of its own: dpkg is not torn out of its work by Ctrl-C, apt-get ends where it can.
  const options = { cwd, env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" }, ownGroup: true };
  const lock = ["-o", "DPkg::Lock::Timeout=300"];
  await mustRun("dpkg", ["--configure", "-a"], options); // what an earlier, killed installation left half done
  // With stale lists the installation may still find everything; if not, its own message tells.
  await runCommand("apt-get", ["update", "--quiet", ...lock], options);
  await mustRun("apt-get", ["install", "--yes", "--quiet", "--no-install-recommends", ...lock, ...names], options);
}

/** @param {string} program */
export function isInstalled(program) {
  // Daemons live in sbin, which is not on everybody's path.
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.some((folder) => folder !== "" && existsSync(join(folder, program)));
}
