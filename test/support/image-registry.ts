import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { temporaryDirectory } from "./temporary-directory.ts";

const PROGRAM = "/usr/bin/docker-registry";
const READY_DEADLINE_MS = 20_000;

/** Debian's package `docker-registry` is installed. */
export function canRunRegistry(): boolean {
  return existsSync(PROGRAM);
}

/** A registry on a free port of the loopback, which engines take without TLS; ends with its test. */
export async function startRegistry(): Promise<AsyncDisposable & { address: string }> {
  const directory = await temporaryDirectory();
  const config = directory.file("config.yml");
  await writeFile(
    config,
    `version: 0.1
log: { level: info, formatter: json }
storage: { filesystem: { rootdirectory: ${directory.file("data")} } }
http: { addr: 127.0.0.1:0 }
`,
  );
  const child = spawn(PROGRAM, ["serve", config], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const dispose = async () => {
    child.kill("SIGKILL");
    await ended;
    await directory[Symbol.asyncDispose]();
  };
  try {
    const address = await addressOf(child.stderr);
    return { address, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** From its own line `listening on 127.0.0.1:PORT`; the rest is read on, so that its pipe never fills up. */
function addressOf(log: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    const fail = () => reject(new Error(`the registry is not ready:\n${said.join("\n")}`));
    const timer = setTimeout(fail, READY_DEADLINE_MS);
    const lines = createInterface({ input: log });
    lines.on("close", fail);
    lines.on("line", (line) => {
      said.push(line);
      const address = /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1];
      if (address === undefined) return;
      clearTimeout(timer);
      resolve(address);
    });
  });
}
