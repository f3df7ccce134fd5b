import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ENV } from "./sample.mjs";
import { ROOT } from "./stack-home.mjs";

const QUEUES = { container: "agent_execution_runner", process: "workflow_execution_runner" };

/**
 * The runners without any manager: `docker run` for the container, a plain spawn for the process, all at the same time,
 * against a server that only greets. @param {("container" | "process")[]} kinds
 * @returns {Promise<number>} milliseconds until the last of them polls for work
 */
export async function startBareRunners(kinds) {
  const directory = mkdtempSync(join(tmpdir(), "stigmer-bench-runners-"));
  const tokenFile = join(directory, "token");
  writeFileSync(tokenFile, "bench\n");
  const greeter = await startGreeter();
  const environment = { MODE: "local", STIGMER_BACKEND_URL: greeter.url };
  /** @type {(() => void | Promise<unknown>)[]} */
  const endings = [() => rmSync(directory, { recursive: true, force: true }), () => greeter.close()];
  const startMs = performance.now();
  try {
    const polled = kinds.map((kind) => greeter.polled(QUEUES[kind]));
    if (kinds.includes("container")) {
      const flags = Object.entries({ ...environment, STIGMER_BACKEND_TOKEN_FILE: "/etc/hostname" });
      const env = flags.flatMap(([name, value]) => ["-e", `${name}=${value}`]);
      const docker = promisify(execFile)("docker", [
        "run",
        "-d",
        "--network",
        "host",
        ...env,
        "stigmer-agent-runner:local",
      ]);
      endings.push(async () => promisify(execFile)("docker", ["rm", "-f", (await docker).stdout.trim()]));
    }
    if (kinds.includes("process")) {
      const variables = {
        TASK_QUEUE: QUEUES.process,
        STIGMER_BACKEND_TOKEN_FILE: tokenFile,
        WORKSPACE_ROOT: directory,
      };
      const child = spawn(process.execPath, [join(ROOT, "agent-runner/dist/main.js")], {
        env: { ...ENV, ...environment, ...variables },
        stdio: "ignore",
      });
      endings.push(async () => {
        const ended = once(child, "exit");
        child.kill("SIGKILL");
        await ended;
      });
    }
    return Math.max(...(await Promise.all(polled))) - startMs;
  } finally {
    for (const end of endings.reverse()) await end();
  }
}

async function startGreeter() {
  /** @type {Map<string, (atMs: number) => void>} */
  const waiting = new Map();
  const server = createServer(async (request, response) => {
    const text = Buffer.concat(await request.toArray()).toString();
    const body = text === "" ? {} : JSON.parse(text);
    if (request.url?.endsWith("/poll"))
      waiting.get(body.sessionId)?.(performance.now()); // and is held: there is no work
    else {
      response.end(
        JSON.stringify({ sessionId: body.queue ?? "", leaseMs: 30_000, pollMs: 25_000, serverVersion: "bench" }),
      );
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    /** @param {string} queue @returns {Promise<number>} when its runner polled first */
    polled: (queue) => new Promise((resolve) => waiting.set(queue, resolve)),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
