import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { build } from "esbuild";
import { ENV, median, percentile } from "./lib/sample.mjs";
import { CLI, ROOT } from "./lib/stack-home.mjs";

const LINES = 1_000_000;
const LINES_A_SECOND = 20_000;

/** @typedef {{ what: string, value: number | null, unit: string, target: string | null, met?: boolean }} Row */
/** @typedef {{ ms: number, peakMb: number }} Usage */

/** How fast logs are read, beside `cat` and `docker logs`. @param {{ runs: number, seconds: number }} options */
export async function benchLogs({ runs, seconds }) {
  const bench = new LogBench(runs);
  try {
    return [...bench.processLog(), ...bench.containerLog(), ...(await bench.follow(seconds))];
  } finally {
    bench.dispose();
  }
}

class LogBench {
  /** @param {number} runs */
  constructor(runs) {
    this.runs = runs;
    this.directory = mkdtempSync(join(tmpdir(), "stigmer-bench-logs-"));
    this.home = join(this.directory, "home");
    this.data = join(this.home, "data");
    mkdirSync(join(this.data, "logs"), { recursive: true });
  }

  dispose() {
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** @returns {Row[]} */
  processLog() {
    const file = join(this.data, "logs/workflow-runner.log");
    writeLog(file, LINES);
    const cat = this.#measure(["cat", file]);
    const all = this.#measure(this.#logs("workflow-runner", "-n", "all"));
    const json = this.#measure(this.#logs("workflow-runner", "-n", "all", "--json"));
    writeLog(file, LINES * 10);
    const tail = this.#measure(this.#logs("workflow-runner"));
    const gb = statSync(file).size / 1e9;
    writeLog(file, LINES / 100);
    const shortTail = this.#measure(this.#logs("workflow-runner"));
    rmSync(file);
    return [
      { what: "`cat` of 1,000,000 lines of a process", value: perSecond(cat), unit: "lines/s", target: null },
      rateRow("server logs, 1,000,000 lines of a process", all, 1_000_000),
      memoryRow("server logs, 1,000,000 lines of a process, peak memory", all),
      rateRow("server logs --json, 1,000,000 lines of a process", json, 1_000_000),
      { what: "server logs, last 50 lines of 1 MB", value: shortTail.ms, unit: "ms", target: null },
      {
        what: `server logs, last 50 lines of ${gb.toFixed(1)} GB`,
        value: tail.ms,
        unit: "ms",
        target: "as of 1 MB, within 10 ms",
        met: tail.ms <= shortTail.ms + 10,
      },
    ];
  }

  /** Found by name: the container carries no labels of a stack. @returns {Row[]} */
  containerLog() {
    const name = `stigmer-bench-logs-${process.pid}`;
    importTinyImage(name);
    try {
      const script = `i=1; seq -f 'line %.0f the quick brown fox jumps over the lazy dog' 1 ${LINES}`;
      const id = docker("run", "-d", "--name", name, "--network", "none", name, "/bin/sh", "-c", script).trim();
      docker("wait", id);
      writeFileSync(join(this.data, "agent-runner-container.id"), `${id}\n`);
      writeFileSync(join(this.data, "instance-id"), "6f1f9d0e-0000-4000-8000-000000000000\n");
      const env = { ...ENV, STIGMER_AGENT_RUNNER_CONTAINER_NAME: name };
      const theirs = this.#measure(["docker", "logs", id]);
      const ours = this.#measure(this.#logs("agent-runner", "-n", "all"), env);
      return [
        { what: "`docker logs` of 1,000,000 lines", value: perSecond(theirs), unit: "lines/s", target: null },
        rateRow("server logs, 1,000,000 lines of the container", ours, perSecond(theirs), "≥ `docker logs`"),
      ];
    } finally {
      spawnSync("docker", ["rm", "-f", name], { stdio: "ignore" });
      spawnSync("docker", ["rmi", "-f", name], { stdio: "ignore" });
      rmSync(join(this.data, "agent-runner-container.id"), { force: true });
    }
  }

  /** One writer, one follower; every line says when it was sent. @param {number} seconds @returns {Promise<Row[]>} */
  async follow(seconds) {
    const program = join(this.directory, "write-lines.mjs");
    await build({
      entryPoints: [join(ROOT, "test/fixtures/logs/write-lines.ts")],
      outfile: program,
      bundle: true,
      platform: "node",
      format: "esm",
      logLevel: "error",
    });
    const file = join(this.data, "logs/workflow-runner.log");
    const count = seconds * LINES_A_SECOND;
    // All lines: the writer may begin before the reader does.
    const [node = "", ...logs] = this.#logs("workflow-runner", "-n", "all", "-f");
    const reader = spawn(node, logs, { env: ENV, stdio: ["ignore", "pipe", "inherit"] });
    const args = [program, file, "1", String(count), "10485760", "5", String(LINES_A_SECOND)];
    const writer = spawn(process.execPath, args, { env: ENV, stdio: "ignore" });
    const latenciesMs = [];
    let expected = 1;
    let lost = 0;
    let halfwayMb = 0;
    for await (const line of createInterface({ input: reader.stdout })) {
      const match = /^line (\d+) sent (\d+)$/.exec(line);
      if (match === null) continue;
      lost += Number(match[1]) - expected;
      expected = Number(match[1]) + 1;
      latenciesMs.push(Date.now() - Number(match[2]));
      if (expected === count / 2) halfwayMb = memoryMb(reader.pid ?? 0);
      if (expected > count) break;
    }
    const growthMb = memoryMb(reader.pid ?? 0) - halfwayMb;
    reader.kill("SIGINT");
    writer.kill("SIGKILL");
    const what = `server logs -f, ${LINES_A_SECOND.toLocaleString("en")} lines/s for ${seconds} s`;
    const p99 = percentile(latenciesMs, 99);
    return [
      { what: `${what}: lost`, value: lost, unit: "lines", target: "none", met: lost === 0 },
      { what: `${what}: p99 from written to printed`, value: p99, unit: "ms", target: "under 20 ms", met: p99 < 20 },
      {
        what: `${what}: memory, second half`,
        value: growthMb,
        unit: "MB more",
        target: "flat",
        met: growthMb <= 5,
      },
    ];
  }

  /** @param {string} component @param {string[]} flags */
  #logs(component, ...flags) {
    return [process.execPath, CLI, "--home", this.home, "-q", "server", "logs", "-c", component, ...flags];
  }

  /** Median time of a command whose output goes to /dev/null, and its largest memory. @returns {Usage} */
  #measure(/** @type {string[]} */ command, /** @type {NodeJS.ProcessEnv} */ env = ENV) {
    const times = [];
    let peakKb = 0;
    for (let run = 0; run < this.runs; run += 1) {
      const startMs = performance.now();
      const usage = join(this.directory, "usage");
      const result = spawnSync("/usr/bin/time", ["-q", "-f", "%M", "-o", usage, ...command], {
        env,
        stdio: ["ignore", "ignore", "inherit"],
      });
      times.push(performance.now() - startMs);
      if (result.status !== 0) throw new Error(`${command.join(" ")} exited with ${result.status}`);
      peakKb = Math.max(peakKb, Number(readFileSync(usage, "utf8")));
    }
    return { ms: median(times), peakMb: peakKb / 1024 };
  }
}

function perSecond(/** @type {Usage} */ { ms }) {
  return (LINES / ms) * 1000;
}

/** @returns {Row} */
function rateRow(
  /** @type {string} */ what,
  /** @type {Usage} */ usage,
  /** @type {number} */ least,
  target = `≥ ${least.toLocaleString("en")} lines/s`,
) {
  return { what, value: perSecond(usage), unit: "lines/s", target, met: perSecond(usage) >= least };
}

/** @returns {Row} */
function memoryRow(/** @type {string} */ what, /** @type {Usage} */ { peakMb }) {
  return { what, value: peakMb, unit: "MB", target: "≤ 80 MB", met: peakMb <= 80 };
}

function writeLog(/** @type {string} */ file, /** @type {number} */ count) {
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
function importTinyImage(/** @type {string} */ name) {
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

function docker(/** @type {string[]} */ ...args) {
  return execFileSync("docker", args, { encoding: "utf8" });
}

/** Resident now. */
function memoryMb(/** @type {number} */ pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}
