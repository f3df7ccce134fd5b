import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fetchNodeRelease } from "../scripts/lib/node-release.mjs";
import { ENV, median, percentile } from "./lib/sample.mjs";
import { ROOT } from "./lib/stack-home.mjs";

const WORKFLOW = `
schema_version: "1.0"
flow: { name: bench }
state: { fields: { topic: { type: str, required: true }, answer: { type: str } } }
nodes: [{ id: answer, prompt: "Say something about {topic}", outputs: [answer] }]
edges: [{ from: START, to: answer }, { from: answer, to: END }]
config: { llm: { provider: scripted, script: [{ text: done }] } }
`;

/** So many clients ask at once, each on a connection of its own. */
const CLIENTS = 16;

/**
 * The server of a generated deployment, without its container: its start, and requests a second.
 *
 * @param {{ runs: number, seconds: number }} options
 */
export async function benchServe({ runs, seconds }) {
  const deployment = await Deployment.create();
  try {
    const starts = [];
    for (let run = 0; run < runs + 1; run += 1) {
      if (run > 0) await deployment.stop();
      starts.push(await deployment.start());
    }
    const health = await ask(deployment, { seconds, method: "GET", path: "/health" });
    const run = await ask(deployment, { seconds, method: "POST", path: "/run", body: '{"topic":"rain"}' });
    const startMs = median(starts.slice(1)); // The first fills the disk cache.
    return [
      { what: "node server.js → /health answers", value: startMs, unit: "ms", target: "≤ 300 ms", met: startMs <= 300 },
      { what: `GET /health, ${CLIENTS} clients`, value: health.perSecond, unit: "/s", target: null },
      { what: "GET /health, p99", value: health.p99, unit: "ms", target: null },
      { what: `scripted POST /run, ${CLIENTS} clients`, value: run.perSecond, unit: "/s", target: null },
      { what: "scripted POST /run, p99", value: run.p99, unit: "ms", target: null },
      { what: "resident memory after that", value: deployment.residentMb(), unit: "MB", target: null },
    ];
  } finally {
    await deployment.dispose();
  }
}

class Deployment {
  /** @param {string} node @param {string} directory @param {number} port */
  constructor(node, directory, port) {
    this.node = node;
    this.directory = directory;
    this.port = port;
    /** @type {import("node:child_process").ChildProcess | null} */
    this.child = null;
  }

  static async create() {
    const directory = mkdtempSync(join(tmpdir(), "stigmer-bench-serve-"));
    copyFileSync(join(ROOT, "dist-serve/server.js"), join(directory, "server.js"));
    writeFileSync(join(directory, "workflow.yaml"), WORKFLOW);
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    server.close();
    return new Deployment(await fetchNodeRelease(24, ROOT), directory, address.port);
  }

  /** Milliseconds until it answers. */
  async start() {
    const startMs = performance.now();
    const env = { ...ENV, PORT: String(this.port), HOST: "127.0.0.1", LOG_LEVEL: "warn", MAX_RUNNING: "16" };
    this.child = spawn(this.node, ["server.js"], { cwd: this.directory, env, stdio: ["ignore", "ignore", "inherit"] });
    const agent = new Agent();
    while (!(await answers(agent, this.port))) await new Promise((resolve) => setTimeout(resolve, 2));
    agent.destroy();
    return performance.now() - startMs;
  }

  async stop() {
    if (this.child === null) return;
    const closed = once(this.child, "exit");
    this.child.kill("SIGTERM");
    await closed;
  }

  residentMb() {
    const status = readFileSync(`/proc/${this.child?.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1024;
  }

  async dispose() {
    await this.stop();
    rmSync(this.directory, { recursive: true });
  }
}

/** @param {Agent} agent @param {number} port @returns {Promise<boolean>} */
function answers(agent, port) {
  return send(agent, port, { method: "GET", path: "/health" }).then(
    (status) => status === 200,
    () => false, // Not yet.
  );
}

/**
 * @param {Deployment} deployment
 * @param {{ seconds: number, method: string, path: string, body?: string }} load
 */
async function ask({ port }, { seconds, ...what }) {
  /** @type {number[]} */
  const times = [];
  const startMs = performance.now();
  const client = async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (performance.now() - startMs < seconds * 1000) {
      const sentMs = performance.now();
      const status = await send(agent, port, what);
      if (status !== 200) throw new Error(`${what.method} ${what.path} answered ${status}`);
      times.push(performance.now() - sentMs);
    }
    agent.destroy();
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return { perSecond: times.length / ((performance.now() - startMs) / 1000), p99: percentile(times, 99) };
}

/**
 * @param {Agent} agent
 * @param {number} port
 * @param {{ method: string, path: string, body?: string }} what
 * @returns {Promise<number>} the status
 */
function send(agent, port, { method, path, body }) {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const sent = request({ agent, host: "127.0.0.1", port, method, path, headers }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode ?? 0));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
