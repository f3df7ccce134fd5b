/**
 * `ps`, `sysctl` and `lsof`, for macOS, which has no /proc. A start time reads differently in another language: ask in none.
 * `node:child_process` is fetched late: importing it costs 5 ms, and on Linux `server status` never needs it.
 */

const OPTIONS = {
  encoding: "utf8",
  env: { PATH: "/bin:/usr/bin:/usr/sbin:/sbin", LC_ALL: "C" },
  timeout: 5000,
  maxBuffer: 64 * 1024 * 1024,
} as const;

/** What the command prints; null when it fails, as `ps -p` does for a PID that nobody has. */
export async function runTool(program: "ps" | "sysctl" | "lsof", args: string[]): Promise<string | null> {
  const { execFile } = await import("node:child_process");
  return new Promise((resolve) => {
    execFile(program, args, OPTIONS, (error, stdout) => resolve(error === null ? stdout : null));
  });
}

export function runToolSync(program: "ps" | "sysctl", args: string[]): string | null {
  const { execFileSync } = process.getBuiltinModule("node:child_process");
  try {
    return execFileSync(program, args, { ...OPTIONS, stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return null; // It exits 1 for a PID that nobody has.
  }
}
