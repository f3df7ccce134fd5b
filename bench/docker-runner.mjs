import { spawn, spawnSync } from "node:child_process";
import { createHash, createHmac, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ENV, percentile } from "./lib/sample.mjs";
import { ROOT } from "./lib/stack-home.mjs";

const IMAGE = "stigmer-agent-runner:local";
const SOCKET = "/var/run/docker.sock";
const SECRET = "the secret of this bench";
const EMPTY = createHash("sha256").digest("base64");
/** Callers at once, each with a connection of its own. */
const CALLERS = 16;

/**
 * Inspect through docker-runner beside the same call to the Engine API, in turns on kept connections; then as many as
 * sixteen callers get through.
 *
 * @param {{ samples: number, seconds: number }} options
 */
export async function benchDockerRunner({ samples, seconds }) {
  const runner = await startRunner();
  try {
    const containerId = await runner.startContainer();
    const path = `/v1/containers/inspect?containerId=${containerId}`;
    const agents = [new Agent({ keepAlive: true }), new Agent({ keepAlive: true })];
    const [raw, through] = [[], []].map((times) => /** @type {number[]} */ (times));
    for (let sample = 0; sample < samples + 50; sample += 1) {
      const rawMs = await timed(() =>
        send({ socketPath: SOCKET, agent: agents[0], path: `/containers/${containerId}/json` }),
      );
      const throughMs = await timed(() => send({ port: runner.port, agent: agents[1], path, headers: signed(path) }));
      if (sample < 50) continue; // Warming up.
      raw?.push(rawMs);
      through?.push(throughMs);
    }
    await throughput(runner.port, path, 3); // Until both programs are compiled.
    const perSecond = await throughput(runner.port, path, seconds);
    const rawPerSecond = await rawThroughput(containerId, seconds);
    const [rawP50, p50] = [percentile(raw ?? [], 50), percentile(through ?? [], 50)];
    return [
      { what: "inspect by the raw Engine API, p50", value: rawP50, unit: "ms", target: null },
      { what: "inspect through docker-runner, p50", value: p50, unit: "ms", target: null },
      {
        what: "docker-runner over raw, p50",
        value: p50 - rawP50,
        unit: "ms",
        target: "≤ 1 ms",
        met: p50 - rawP50 <= 1,
      },
      { what: `raw inspects, ${CALLERS} callers`, value: rawPerSecond, unit: "/s", target: null },
      {
        what: `inspects through docker-runner, ${CALLERS} callers`,
        value: perSecond,
        unit: "/s",
        target: "≥ 2,000 /s",
        met: perSecond >= 2000,
      },
    ];
  } finally {
    runner.dispose();
  }
}

async function startRunner() {
  const directory = mkdtempSync(join(tmpdir(), "stigmer-bench-"));
  const policy = join(directory, "policy.yaml");
  writeFileSync(policy, `images: ["${IMAGE}"]\n`);
  const port = await freePort();
  const env = {
    ...ENV,
    DOCKER_RUNNER_PORT: String(port),
    DOCKER_RUNNER_SHARED_SECRET: SECRET,
    DOCKER_RUNNER_POLICY: policy,
    DOCKER_SOCKET: SOCKET,
  };
  const child = spawn(process.execPath, [join(ROOT, "bin/stigmer-docker-runner.js")], {
    env,
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  await new Promise((resolve, reject) => {
    child.once("message", resolve);
    child.once("exit", (code) => reject(new Error(`docker-runner ended with ${code}`)));
  });
  /** @type {string | null} */
  let containerId = null;
  return {
    port,
    async startContainer() {
      const path = "/v1/containers/start";
      const body = JSON.stringify({ image: IMAGE, entrypoint: ["sleep"], cmd: ["600"], networkMode: "none" });
      const headers = { ...signed(path, "POST", body), "content-type": "application/json" };
      containerId = JSON.parse(await send({ port, method: "POST", path, headers }, body)).containerId;
      return String(containerId);
    },
    dispose() {
      child.removeAllListeners("exit");
      child.kill();
      if (containerId !== null) spawnSync("docker", ["rm", "-f", containerId]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** @param {number} port @param {string} path @param {number} seconds */
function throughput(port, path, seconds) {
  return count(seconds, (agent) => send({ port, agent, path, headers: signed(path) }));
}

/** @param {string} containerId @param {number} seconds */
function rawThroughput(containerId, seconds) {
  return count(seconds, (agent) => send({ socketPath: SOCKET, agent, path: `/containers/${containerId}/json` }));
}

/** @param {number} seconds @param {(agent: Agent) => Promise<unknown>} call @returns {Promise<number>} calls a second */
async function count(seconds, call) {
  const agent = new Agent({ keepAlive: true, maxSockets: CALLERS });
  const startMs = performance.now();
  let calls = 0;
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (performance.now() - startMs < seconds * 1000) {
        await call(agent);
        calls += 1;
      }
    }),
  );
  agent.destroy();
  return calls / ((performance.now() - startMs) / 1000);
}

/** @param {() => Promise<unknown>} work */
async function timed(work) {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

/** @param {string} path @param {string} method @param {string | null} body */
function signed(path, method = "GET", body = null) {
  const timestamp = String(Date.now());
  const nonce = randomUUID();
  const hash = body === null ? EMPTY : createHash("sha256").update(body).digest("base64");
  const text = `${method}\n${path}\n${timestamp}\n${nonce}\n${hash}`;
  const signature = createHmac("sha256", SECRET).update(text).digest("base64");
  return { "x-dr-timestamp": timestamp, "x-dr-nonce": nonce, "x-dr-signature": signature };
}

/** @param {import("node:http").RequestOptions} options @param {string} [body] @returns {Promise<string>} */
function send(options, body) {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", ...options }, (response) => {
      /** @type {Buffer[]} */
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${options.path}: ${response.statusCode} ${text}`));
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
