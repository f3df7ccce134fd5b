import { execFileSync, spawn, spawnSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { runBareRunners } from "./lib/bare-runners.mjs";
import { median } from "./lib/sample.mjs";
import { cpuMs, residentMb, StackHome } from "./lib/stack-home.mjs";

const SETTLE_MS = 30_000;

/** Start, stop, crash and rest of the whole stack. @param {{ runs: number, restSeconds: number }} options */
export async function benchStack({ runs, restSeconds }) {
  const floors = [];
  const ownStarts = [];
  const starts = [];
  const stops = [];
  const runnerRestarts = [];
  const containerRestarts = [];
  const rows = [];
  for (let run = 0; run < runs; run += 1) {
    const stack = new StackHome(); // cold: no database, no instance
    try {
      floors.push(await runBareRunners(["container", "process"]));
      ownStarts.push((await runBareRunners(["process"])).startMs);
      starts.push(await stack.start());
      runnerRestarts.push(await crash(stack, 1, () => stack.pid("workflow-runner")));
      containerRestarts.push(await crash(stack, 2, () => containerPid(stack)));
      if (run === 0) rows.push(...(await benchRest(stack, restSeconds)));
      stops.push(stack.run("server", "stop", "-q").ms);
    } finally {
      stack.dispose();
    }
  }
  const compose = await benchCompose(runs);
  const beats = (/** @type {number} */ ours, /** @type {number | null} */ theirs) => theirs === null || ours < theirs;
  const floorMs = median(floors.map(({ startMs }) => startMs));
  const ownExitMs = median(floors.map(({ stopMs }) => stopMs));
  const workMs = median(starts.map((start) => start.workMs));
  const lagMs = median(starts.map((start) => start.lagMs));
  const startMs = median(starts.map(({ ms }) => ms));
  return [
    {
      what: "bare `docker run` and spawn in parallel → both runners polling",
      value: floorMs,
      unit: "ms",
      target: null,
    },
    {
      what: "the supervisor looks around, plans and starts both → both polling",
      value: workMs,
      unit: "ms",
      target: "≤ bare + 10 ms",
      met: workMs <= floorMs + 10,
    },
    {
      what: "both polling → server start returns",
      value: lagMs,
      unit: "ms",
      target: "≤ 20 ms",
      met: lagMs <= 20,
    },
    {
      what: "server start, cold home → every component ready",
      value: startMs,
      unit: "ms",
      target: "≤ 1,000 ms and under `docker compose`, healthy",
      met: startMs <= 1000 && beats(startMs, compose?.healthy ?? null),
    },
    {
      what: "`docker compose up -d` of the same image → healthy (healthcheck of 1 s)",
      value: compose?.healthy ?? null,
      unit: "ms",
      target: null,
    },
    {
      what: "`docker compose up -d` alone: started, nothing proven",
      value: compose?.up ?? null,
      unit: "ms",
      target: null,
    },
    {
      what: "bare `docker stop` and SIGTERM in parallel → both ended",
      value: ownExitMs,
      unit: "ms",
      target: null,
    },
    {
      what: "server stop → everything gone",
      value: median(stops),
      unit: "ms",
      target: "≤ bare + 100 ms and under `docker compose down`",
      met: median(stops) <= ownExitMs + 100 && beats(median(stops), compose?.down ?? null),
    },
    { what: "`docker compose down`", value: compose?.down ?? null, unit: "ms", target: null },
    { what: "bare spawn of the workflow-runner → polling", value: median(ownStarts), unit: "ms", target: null },
    {
      what: "workflow-runner killed → polling again, its own start included",
      value: median(runnerRestarts),
      unit: "ms",
      target: "≤ bare + 30 ms",
      met: median(runnerRestarts) <= median(ownStarts) + 30,
    },
    {
      what: "container killed → polling again, its own start included",
      value: median(containerRestarts),
      unit: "ms",
      target: null,
    },
    ...rows,
  ];
}

/** Kills a component and measures until the status says that it is ready again. */
async function crash(/** @type {StackHome} */ stack, /** @type {number} */ index, /** @type {() => number} */ pid) {
  const watching = stack.watch(
    (status) => status.components[index].restarts > 0 && status.components[index].state === "ready",
  );
  await stack.watch(() => true); // A second watcher has connected, so the first has too.
  const killedMs = performance.now();
  process.kill(pid(), "SIGKILL");
  return (await watching) - killedMs;
}

function containerPid(/** @type {StackHome} */ stack) {
  const { containerId } = stack.json("server", "status").components[2];
  return Number(execFileSync("docker", ["inspect", "-f", "{{.State.Pid}}", containerId], { encoding: "utf8" }));
}

async function benchRest(/** @type {StackHome} */ stack, /** @type {number} */ seconds) {
  const server = stack.pid("daemon");
  await delay(SETTLE_MS); // V8 tidies up after the work of the start.
  const { containerId } = stack.json("server", "status").components[2];
  const beforeMs = cpuMs(server);
  await delay(seconds * 1000); // A machine at rest is what is measured.
  const usedPercent = (cpuMs(server) - beforeMs) / (seconds * 10);
  const memory = execFileSync("docker", ["stats", "--no-stream", "--format", "{{.MemUsage}}", containerId], {
    encoding: "utf8",
  });
  const containerMb = Number.parseFloat(memory) * (/^[\d.]+GiB/.test(memory) ? 1024 : 1);
  return [
    {
      what: "server at rest, resident",
      value: residentMb(server),
      unit: "MB",
      target: "≤ 75 MB",
      met: residentMb(server) <= 75,
    },
    {
      what: `server at rest, CPU over ${seconds} s`,
      value: usedPercent,
      unit: "% of a core",
      target: "≤ 0.15 %",
      met: usedPercent <= 0.15,
    },
    {
      what: "agent-runner container at rest",
      value: containerMb,
      unit: "MB",
      target: "≤ 100 MB",
      met: containerMb <= 100,
    },
  ];
}

/**
 * The peer, where it is installed: null otherwise, and the row says so. It counts as healthy when Docker says so, which
 * `up --wait` (not to be had in Compose 1.29) looks for every half second.
 */
async function benchCompose(/** @type {number} */ runs) {
  const compose = [["docker", "compose"], ["docker-compose"]].find(
    ([file = "", ...args]) => spawnSync(file, [...args, "version"]).status === 0,
  );
  if (compose === undefined) return null;
  const [file = "", ...prefix] = compose;
  const env = { ...process.env, STIGMER_HOME: "/nonexistent" };
  const ups = [];
  const healthy = [];
  const downs = [];
  for (let run = 0; run < runs; run += 1) {
    const healthyMs = nextHealthy();
    const startMs = performance.now();
    ups.push(timed(file, [...prefix, "-p", "stigmerbench", "-f", "-", "up", "-d"], env));
    healthy.push((await healthyMs) - startMs);
    downs.push(timed(file, [...prefix, "-p", "stigmerbench", "-f", "-", "down"], env));
  }
  return { up: median(ups), healthy: median(healthy), down: median(downs) };
}

/** When Docker next calls a container of the compose project healthy. @returns {Promise<number>} */
function nextHealthy() {
  const filters = ["event=health_status: healthy", "label=com.docker.compose.project=stigmerbench"];
  const args = ["events", ...filters.flatMap((filter) => ["--filter", filter]), "--format", "{{.ID}}"];
  const events = spawn("docker", args, { stdio: ["ignore", "pipe", "inherit"] });
  return new Promise((resolve, reject) => {
    events.once("error", reject);
    events.stdout.once("data", () => {
      resolve(performance.now());
      events.kill();
    });
  });
}

const COMPOSE_FILE = `
version: "2.4"
services:
  runner:
    image: stigmer-agent-runner:local
    network_mode: host
    healthcheck: { test: ["CMD", "true"], interval: 1s }
    environment: { STIGMER_BACKEND_URL: "http://127.0.0.1:9", STIGMER_BACKEND_TOKEN_FILE: /etc/hostname }
`;

function timed(/** @type {string} */ file, /** @type {string[]} */ args, /** @type {NodeJS.ProcessEnv} */ env) {
  const startMs = performance.now();
  const { status, stderr } = spawnSync(file, args, { input: COMPOSE_FILE, env, encoding: "utf8" });
  if (status !== 0) throw new Error(`${file} ${args.join(" ")} exited ${status}: ${stderr}`);
  return performance.now() - startMs;
}
