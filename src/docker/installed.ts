import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { DockerFlavour } from "./engine.ts";

/** Programs and applications that bring a Docker engine, and whose engine it is. Most telling first. */
const PROGRAMS: [string, DockerFlavour][] = [
  ["colima", "colima"],
  ["orb", "orbstack"],
  ["orbctl", "orbstack"],
  ["rdctl", "rancher-desktop"],
  ["dockerd", "unknown"],
  ["docker", "unknown"],
  ["dockerd-rootless.sh", "rootless"],
  ["podman", "podman"],
  ["limactl", "lima"],
];
const APPLICATIONS: [string, DockerFlavour][] = [
  ["/Applications/OrbStack.app", "orbstack"],
  ["/Applications/Docker.app", "docker-desktop"],
  ["/Applications/Rancher Desktop.app", "rancher-desktop"],
  ["/opt/docker-desktop", "docker-desktop"],
];

export interface InstalledEngine {
  /** The program or application that was found. */
  path: string;
  /** `unknown` for Docker's own programs: who starts them depends on the host. */
  flavour: DockerFlavour;
}

/** Looks for an engine's programs on `PATH` and in the known application folders. Nothing is executed. */
export async function findInstalledEngines(env: NodeJS.ProcessEnv): Promise<InstalledEngine[]> {
  const directories = (env["PATH"] ?? "").split(delimiter).filter((directory) => directory !== "");
  const programs = PROGRAMS.flatMap(([name, flavour]) =>
    directories.map((directory) => ({ path: join(directory, name), flavour, mode: constants.X_OK })),
  );
  const applications = APPLICATIONS.map(([path, flavour]) => ({ path, flavour, mode: constants.F_OK }));
  const found = await Promise.all(
    [...applications, ...programs].map(async ({ path, flavour, mode }) =>
      (await isAccessible(path, mode)) ? [{ path, flavour }] : [],
    ),
  );
  return found.flat();
}

async function isAccessible(path: string, mode: number): Promise<boolean> {
  try {
    await access(path, mode);
    return true;
  } catch {
    return false; // That is the answer.
  }
}
