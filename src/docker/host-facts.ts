import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";

/** What decides how Docker is installed and started on this machine. */
export interface HostFacts {
  platform: NodeJS.Platform;
  /** Debian, Ubuntu and their relatives install `docker.io`. */
  debianLike: boolean;
  wsl: boolean;
  systemd: boolean;
  uid: number;
}

/** Two small files at most, and only where a text for the user needs them: cheap enough to be synchronous. */
export function readHostFacts(): HostFacts {
  return {
    platform: process.platform,
    debianLike: isDebianLike(readText("/etc/os-release")),
    wsl: process.platform === "linux" && /microsoft/i.test(release()),
    systemd: existsSync("/run/systemd/system"), // sd_booted(3): this folder exists only where systemd is PID 1.
    uid: process.getuid?.() ?? -1,
  };
}

/** Reads `ID` and `ID_LIKE` of os-release(5). */
export function isDebianLike(osRelease: string): boolean {
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(osRelease);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // Not every system has the file; then it is no Debian.
  }
}
