import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ENV } from "./sample.mjs";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const CLI = join(ROOT, "bin/stigmer.js");

/** A home of its own in the temp dir, and the command line on it. */
export class StackHome {
  constructor() {
    this.root = mkdtempSync(join(tmpdir(), "stigmer-bench-"));
    this.home = join(this.root, "home");
    mkdirSync(this.home, { mode: 0o700 });
    writeFileSync(join(this.home, "config.yaml"), "server: { port: 0 }\n");
    this.env = { ...ENV, STIGMER_HOME: this.home };
  }

  /** @param {string[]} args @returns {{ ms: number, stdout: string }} */
  run(...args) {
    const startMs = performance.now();
    const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], { env: this.env, encoding: "utf8" });
    if (status !== 0) throw new Error(`stigmer ${args.join(" ")} exited ${status}: ${stderr}`);
    return { ms: performance.now() - startMs, stdout };
  }

  /**
   * A start as a user sees it. `workMs`: from the line that says that the server runs, which then looks around, plans and
   * starts, to the line of the last runner. `lagMs`: from there to the end of the command. @returns {Promise<{ ms: number, workMs: number, lagMs: number }>}
   */
  async start() {
    const startMs = performance.now();
    const child = spawn(process.execPath, [CLI, "server", "start"], {
      env: this.env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    const exit = once(child, "exit").then(([code]) => ({ code, atMs: performance.now() }));
    const lines = [];
    let serverMs = Number.NaN;
    let runnersMs = Number.NaN;
    for await (const line of createInterface({ input: child.stderr })) {
      lines.push(line);
      if (/stigmer-server +ready in/.test(line)) serverMs = performance.now();
      if (/runner +ready in/.test(line)) runnersMs = performance.now();
    }
    const { code, atMs } = await exit;
    const workMs = runnersMs - serverMs;
    if (code !== 0 || Number.isNaN(workMs)) throw new Error(`server start exited ${code}: ${lines.join("\n")}`);
    return { ms: atMs - startMs, workMs, lagMs: atMs - runnersMs };
  }

  /** @param {string[]} args @returns {any} the envelope's data */
  json(...args) {
    return JSON.parse(this.run(...args, "--json").stdout).data;
  }

  /** @param {string} file */
  pid(file) {
    return Number(readFileSync(join(this.home, "data", `${file}.pid`), "utf8").split("\n")[0]);
  }

  /** Resolves with the time at which a status first satisfies. @param {(status: any) => boolean} satisfies */
  watch(satisfies) {
    const child = spawn(process.execPath, [CLI, "server", "status", "--watch", "--json"], { env: this.env });
    const first = createInterface({ input: child.stdout });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("no such status within 60 s")), 60_000);
      first.on("line", (line) => {
        if (!satisfies(JSON.parse(line))) return;
        clearTimeout(timer);
        const atMs = performance.now();
        child.kill();
        resolve(atMs);
      });
    });
  }

  /** Raw request over the CLI's socket, for what the command line's own start would hide. @param {string} path */
  ask(path) {
    return new Promise((resolve, reject) => {
      const socket = createConnection(join(this.home, "run/stigmer.sock"));
      let text = "";
      socket.on("data", (bytes) => {
        text += bytes;
      });
      socket.on("end", () => resolve(text));
      socket.on("error", reject);
      socket.end(`GET ${path} HTTP/1.1\r\nhost: stigmer\r\nconnection: close\r\n\r\n`);
    });
  }

  dispose() {
    spawnSync(process.execPath, [CLI, "server", "stop", "--force"], { env: this.env });
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Resident memory of a process in MB. @param {number} pid */
export function residentMb(pid) {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(match?.[1] ?? 0) / 1024;
}

/** CPU time that a process has used, in milliseconds. @param {number} pid */
export function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10; // Clock ticks are hundredths of a second.
}
