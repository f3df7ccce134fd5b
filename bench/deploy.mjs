import { execFileSync, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { Agent, get } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ENV, median, percentile } from "./lib/sample.mjs";
import { ROOT, StackHome } from "./lib/stack-home.mjs";

const NAME = "stigmer-bench-deployment";
const WORKFLOW = `
schema_version: "1.0"
flow: { name: bench }
state: { fields: { topic: { type: str, required: true }, answer: { type: str } } }
nodes: [{ id: answer, prompt: "Say something about {topic}", outputs: [answer] }]
edges: [{ from: START, to: answer }, { from: answer, to: END }]
config: { llm: { provider: scripted, script: [{ text: done }] } }
`;
const GENERATIONS = 200;

/** A deployment from its workflow to its health, and what its users see while it is replaced. @param {{ runs: number }} options */
export async function benchDeploy({ runs }) {
  const home = new StackHome();
  try {
    const generation = await generationMs();
    const { directoryBytes, port, up } = await prepare(home);
    const first = await up();
    const ups = [];
    const gaps = [];
    for (let run = 0; run < runs; run += 1) {
      const watch = watchHealth(port);
      ups.push(await up(String(run)));
      gaps.push(await watch.longestGapMs());
    }
    const sizeMb = imageBytes() / 1e6;
    const startMs = median(ups.map(({ startMs }) => startMs));
    const buildS = first.buildMs / 1000;
    return [
      { what: "generate, in process", value: generation.p50, unit: "ms", target: "≤ 5 ms", met: generation.p50 <= 5 },
      { what: "generate, in process, p99", value: generation.p99, unit: "ms", target: null },
      { what: "generated directory", value: directoryBytes / 1e6, unit: "MB", target: null },
      { what: "its image", value: sizeMb, unit: "MB", target: "≤ 200 MB", met: sizeMb <= 200 },
      { what: "first build, the base being there", value: buildS, unit: "s", target: "≤ 10 s", met: buildS <= 10 },
      { what: "up: built → healthy", value: startMs, unit: "ms", target: "≤ 3,000 ms", met: startMs <= 3_000 },
      {
        what: "second up, whole command",
        value: median(ups.map(({ wholeMs }) => wholeMs)) / 1000,
        unit: "s",
        target: null,
      },
      { what: "longest time without an answer while it is replaced", value: median(gaps), unit: "ms", target: null },
    ];
  } finally {
    home.run("deploy", "down", NAME, "--volumes");
    home.dispose();
  }
}

async function generationMs() {
  const { generate } = await import("../dist/deploy/api.js");
  const times = [];
  for (let run = 0; run < GENERATIONS; run += 1) {
    const startMs = performance.now();
    generate(WORKFLOW, { name: "bench" });
    times.push(performance.now() - startMs);
  }
  return { p50: median(times), p99: percentile(times, 99) };
}

async function prepare(/** @type {StackHome} */ home) {
  const port = await freePort();
  const directory = join(home.root, "deploy");
  const file = join(home.root, "bench.yaml");
  const args = ["deploy", "up", file, "--output", directory, "--name", NAME, "--api-port", String(port)];
  writeFileSync(file, WORKFLOW);
  home.run("deploy", "generate", ...args.slice(2));
  const manifest = JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8"));
  const paths = [...Object.keys(manifest.files), "manifest.json"];
  const directoryBytes = paths.reduce((sum, path) => sum + readFileSync(join(directory, path)).length, 0);
  return {
    port,
    directoryBytes,
    /** A comment makes it another workflow, so that its image is built. */
    async up(/** @type {string | null} */ comment = null) {
      if (comment !== null) writeFileSync(file, `# ${comment}\n${WORKFLOW}`);
      return await timeUp(home, args);
    },
  };
}

/** When the command told what. */
async function timeUp(/** @type {StackHome} */ home, /** @type {string[]} */ args) {
  const startMs = performance.now();
  const child = spawn(process.execPath, [join(ROOT, "bin/stigmer.js"), ...args], {
    env: { ...ENV, STIGMER_HOME: home.root },
    stdio: ["ignore", "ignore", "pipe"],
  });
  /** @type {Record<string, number>} */
  const told = {};
  for await (const line of createInterface({ input: child.stderr })) told[line.split(" ")[0] ?? ""] = performance.now();
  const endMs = performance.now();
  const { Building = Number.NaN, Proving, Starting = Number.NaN } = told;
  return { buildMs: (Proving ?? Starting) - Building, startMs: endMs - Starting, wholeMs: endMs - startMs };
}

/** Asks one request after the other until it is told to stop. */
function watchHealth(/** @type {number} */ port) {
  let isOver = false;
  let longestMs = 0;
  let lastMs = performance.now();
  const agent = new Agent({ keepAlive: false });
  const watching = (async () => {
    while (!isOver) {
      if (await answers(port, agent)) {
        longestMs = Math.max(longestMs, performance.now() - lastMs);
        lastMs = performance.now();
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  return {
    async longestGapMs() {
      isOver = true;
      await watching;
      return longestMs;
    },
  };
}

/** @param {number} port @param {Agent} agent @returns {Promise<boolean>} */
function answers(port, agent) {
  return new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, path: "/health/ready", agent, timeout: 1_000 }, (response) => {
      response.resume().once("end", () => resolve(response.statusCode === 200));
      response.once("error", () => resolve(false));
    });
    request.once("timeout", () => request.destroy());
    request.once("error", () => resolve(false));
  });
}

function imageBytes() {
  return Number(
    execFileSync("docker", ["image", "inspect", "-f", "{{.Size}}", `${NAME}-deployment:local`], { encoding: "utf8" }),
  );
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
