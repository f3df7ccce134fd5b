/**
 * How fast logs are read, against `cat` and `docker logs` in the same run:
 *
 *     npm run build && node bench/logs.mjs [--runs 5] [--seconds 60]
 *
 * Prints one JSON object a line. The container rows need a Docker engine and the docker program.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const { values } = parseArgs({ options: { runs: { type: "string" }, seconds: { type: "string" } } });
const RUNS = Number(values.runs ?? 5);
const SECONDS = Number(values.seconds ?? 60);
const LINES = 1_000_000;
const LINES_A_SECOND = 20_000;
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const CLI = process.env["STIGMER_CLI"] ?? join(ROOT, "bin/stigmer.js");
// It adds 50 ms to every start of Node 20 and is of no use here.
const { NODE_EXTRA_CA_CERTS: _, ...ENV } = process.env;

const directory = mkdtempSync(join(tmpdir(), "stigmer-bench-logs-"));
const home = join(directory, "home");
const data = join(home, "data");
mkdirSync(join(data, "logs"), { recursive: true });
try {
  benchProcessLog();
  benchContainerLog();
  await benchFollow();
} finally {
  rmSync(directory, { recursive: true, force: true });
}

function benchProcessLog() {
  const file = join(data, "logs/workflow-runner.log");
  writeLog(file, LINES);
  report("bare node", measure([process.execPath, "-e", "0"]));
  report("cat, 1,000,000 lines", measure(["cat", file]), LINES);
  const logs = [process.execPath, CLI, "--home", home, "server", "logs", "-c", "workflow-runner"];
  report("server logs -c, 1,000,000 lines", measure([...logs, "-n", "all"]), LINES);
  report("server logs -c --json, 1,000,000 lines", measure([...logs, "-n", "all", "--json"]), LINES);
  report("server logs -c --grep, 1,000,000 lines", measure([...logs, "-n", "all", "--grep", "99999"]), LINES);
  report("server logs -c, last 50 lines of 111 MB", measure(logs));
  rmSync(file);
}

function benchContainerLog() {
  const name = `stigmer-bench-logs-${process.pid}`;
  if (spawnSync("docker", ["version"], { stdio: "ignore" }).status !== 0) {
    console.log(JSON.stringify({ what: "container log", skipped: "no Docker engine" }));
    return;
  }
  importTinyImage(name);
  try {
    const script = `i=1; seq -f 'line %.0f the quick brown fox jumps over the lazy dog' 1 ${LINES}`;
    const id = docker("run", "-d", "--name", name, "--network", "none", name, "/bin/sh", "-c", script).trim();
    docker("wait", id);
    writeFileSync(join(data, "agent-runner-container.id"), `${id}\n`);
    // Found by name: the container carries no labels of a stack.
    const env = { ...ENV, STIGMER_AGENT_RUNNER_CONTAINER_NAME: name };
    writeFileSync(join(data, "instance-id"), "6f1f9d0e-0000-4000-8000-000000000000\n");
    report("docker logs, 1,000,000 lines", measure(["docker", "logs", id]), LINES);
    const logs = [process.execPath, CLI, "--home", home, "server", "logs", "-c", "agent-runner", "-n"];
    report("server logs of the container, 1,000,000 lines", measure([...logs, "all"], env), LINES);
    report("docker logs --tail 50", measure(["docker", "logs", "--tail", "50", id]));
    report("server logs of the container, last 50 lines", measure([...logs, "50"], env));
  } finally {
    spawnSync("docker", ["rm", "-f", name], { stdio: "ignore" });
    spawnSync("docker", ["rmi", "-f", name], { stdio: "ignore" });
    rmSync(join(data, "agent-runner-container.id"), { force: true });
  }
}

/** One writer, one follower; every line says when it was sent. */
async function benchFollow() {
  const program = join(directory, "write-lines.mjs");
  await build({
    entryPoints: [join(ROOT, "test/fixtures/logs/write-lines.ts")],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "error",
  });
  const file = join(data, "logs/workflow-runner.log");
  const count = SECONDS * LINES_A_SECOND;
  const reader = spawn(process.execPath, [CLI, "--home", home, "server", "logs", "-c", "workflow-runner", "-f"], {
    env: ENV,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const args = [program, file, "1", String(count), "10485760", "5", String(LINES_A_SECOND)];
  const writer = spawn(process.execPath, args, { env: ENV, stdio: "ignore" });
  const latenciesMs = [];
  let expected = 1;
  let lost = 0;
  let early = 0;
  for await (const line of createInterface({ input: reader.stdout })) {
    const match = /^line (\d+) sent (\d+)$/.exec(line);
    if (match === null) continue;
    lost += Number(match[1]) - expected;
    expected = Number(match[1]) + 1;
    latenciesMs.push(Date.now() - Number(match[2]));
    if (expected === Math.round(count / 10)) early = memoryMiB(reader.pid, "VmRSS");
    if (expected > count) break;
  }
  latenciesMs.sort((a, b) => a - b);
  const at = (share) => latenciesMs[Math.floor(share * (latenciesMs.length - 1))];
  const figures = { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
  const memory = { earlyMiB: early, lateMiB: memoryMiB(reader.pid, "VmRSS"), peakMiB: memoryMiB(reader.pid, "VmHWM") };
  console.log(
    JSON.stringify({ what: `follow, ${LINES_A_SECOND} lines/s for ${SECONDS} s`, lost, ...figures, ...memory }),
  );
  reader.kill("SIGINT");
  writer.kill("SIGKILL");
}

function report(what, { ms, peakMiB }, lines = null) {
  const rate = lines === null ? {} : { linesPerSecond: Math.round((lines / ms) * 1000) };
  console.log(JSON.stringify({ what, medianMs: Math.round(ms), ...rate, peakMiB }));
}

/** Median time of a command whose output goes to /dev/null, and its largest memory. */
function measure([program, ...args], env = ENV) {
  const times = [];
  let peakKiB = 0;
  for (let run = 0; run < RUNS; run += 1) {
    const startMs = performance.now();
    const usage = join(directory, "usage");
    const result = spawnSync("/usr/bin/time", ["-q", "-f", "%M", "-o", usage, program, ...args], {
      env,
      stdio: ["ignore", "ignore", "inherit"],
    });
    times.push(performance.now() - startMs);
    if (result.status !== 0) throw new Error(`${program} ${args.join(" ")} exited with ${result.status}`);
    peakKiB = Math.max(peakKiB, Number(readFileSync(usage, "utf8")));
  }
  times.sort((a, b) => a - b);
  return { ms: times[Math.floor(times.length / 2)], peakMiB: Math.round(peakKiB / 1024) };
}

function writeLog(file, count) {
  const fd = openSync(file, "w");
  const startMs = Date.now() - count / 10;
  for (let first = 0; first < count; first += 10_000) {
    let text = "";
    for (let line = first; line < first + 10_000; line += 1) {
      const time = new Date(startMs + line / 10).toISOString();
      text += `${time} o I line ${String(line).padStart(8, "0")} the quick brown fox jumps over the lazy dog key=value duration=12ms\n`;
    }
    writeSync(fd, text);
  }
  closeSync(fd);
}

/** `sh` and `seq` of this machine with their libraries; no registry is asked. */
function importTinyImage(name) {
  const programs = ["/bin/sh", "/usr/bin/seq"];
  const libraries = programs.flatMap((path) =>
    [
      ...execFileSync("ldd", [realpathSync(path)])
        .toString()
        .matchAll(/(\/\S+) \(0x/g),
    ].map((match) => match[1]),
  );
  const paths = [...new Set([...programs, ...libraries])].map((path) => path.slice(1));
  const tar = execFileSync("tar", ["-C", "/", "--dereference", "--transform=s,^usr/bin/,bin/,", "-cf", "-", ...paths], {
    maxBuffer: 64 * 1024 * 1024,
  });
  execFileSync("docker", ["import", "-", name], { input: tar, stdio: ["pipe", "ignore", "inherit"] });
}

function docker(...args) {
  return execFileSync("docker", args, { encoding: "utf8" });
}

function memoryMiB(pid, field) {
  return Math.round(
    Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024,
  );
}
