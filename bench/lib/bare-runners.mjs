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
 * against a server that only greets. Then each is told to end, as `docker stop` and a SIGTERM do.
 * @param {("container" | "process")[]} kinds
 * @returns {Promise<{ startMs: number, stopMs: number }>} until the last of them polls for work, and until the last is gone
 */
export async function runBareRunners(kinds) {
  const directory = mkdtempSync(join(tmpdir(), "stigmer-bench-runners-"));
  const tokenFile = join(directory, "token");
  writeFileSync(tokenFile, "bench\n");
  const greeter = await startGreeter();
  const environment = { MODE: "local", STIGMER_BACKEND_URL: greeter.url };
  /** @type {(() => void | Promise<unknown>)[]} */
  const endings = [() => rmSync(directory, { recursive: true, force: true }), () => greeter.close()];
  /** @type {(() => Promise<unknown>)[]} */
  const stops = [];
  const beganMs = performance.now();
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
      const command = async (/** @type {string[]} */ ...args) =>
        promisify(execFile)("docker", [...args, (await docker).stdout.trim()]);
      stops.push(() => command("stop"));
      endings.push(() => command("rm", "-f"));
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
      const end = async (/** @type {NodeJS.Signals} */ signal) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, "exit");
        child.kill(signal);
        await ended;
      };
      stops.push(() => end("SIGTERM"));
      endings.push(() => end("SIGKILL"));
    }
    const startMs = Math.max(...(await Promise.all(polled))) - beganMs;
    const stoppingMs = performance.now();
    await Promise.all(stops.map((stop) => stop()));
    return { startMs, stopMs: performance.now() - stoppingMs };
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
