import { execFileSync } from "node:child_process";
import { join } from "node:path";
import Database from "libsql";
import { measureInTurns, median } from "./lib/sample.mjs";
import { CLI, StackHome } from "./lib/stack-home.mjs";

/** A command whose cost grows with what lies about gets slower by more than this noise. */
const NOISE_MS = 10;
const IMAGE = "stigmer-agent-runner:local";

/** Whether cost grows as the work does, and not with what else is there. @param {{ runs: number }} options */
export function benchGrowth({ runs }) {
  return [...benchContainers(runs), ...benchStoredExecutions(runs)];
}

/** `status` of a stopped stack asks Docker; other homes have containers too. @param {number} runs */
function benchContainers(runs) {
  const stack = new StackHome();
  /** @type {string[]} */
  const ids = [];
  const labels = [
    "ai.stigmer.managed=true",
    "ai.stigmer.instance=bench-of-another",
    "ai.stigmer.component=agent-runner",
  ];
  try {
    stack.run("server", "start", "-q");
    stack.run("server", "stop", "-q");
    const figures = [1, 10, 100].map((count) => {
      while (ids.length < count) {
        const flags = labels.flatMap((label) => ["--label", label]);
        ids.push(execFileSync("docker", ["create", ...flags, IMAGE], { encoding: "utf8" }).trim());
      }
      return { count, ms: timeOf(stack, ["server", "status", "--json"], runs) };
    });
    return toRows("server status, stack stopped, with labelled containers of others", figures);
  } finally {
    if (ids.length > 0) execFileSync("docker", ["rm", "-f", ...ids], { stdio: "ignore" });
    stack.dispose();
  }
}

/** Three stacks side by side, asked in turns. @param {number} runs */
function benchStoredExecutions(runs) {
  const stacks = [10, 10_000, 1_000_000].map((count) => ({ count, stack: new StackHome() }));
  try {
    for (const { stack, count } of stacks) {
      stack.run("server", "start", "-q");
      stack.run("server", "stop", "-q");
      fillStore(join(stack.home, "data/stigmer.db"), count);
      stack.run("server", "start", "-q");
    }
    const compare = (/** @type {string[]} */ ...args) => {
      const commands = stacks.map(({ count, stack }) => [
        String(count),
        [process.execPath, CLI, "--home", stack.home, ...args, "--json"],
      ]);
      const times = measureInTurns(Object.fromEntries(commands), { runs });
      return stacks.map(({ count }) => ({ count, ms: median(times[count] ?? []) }));
    };
    return [
      ...toRows("execution list, with stored executions", compare("execution", "list")),
      ...toRows("server status, with stored executions", compare("server", "status")),
    ];
  } finally {
    for (const { stack } of stacks) stack.dispose();
  }
}

/** Ended executions, as the store writes them. @param {string} file @param {number} count */
function fillStore(file, count) {
  const database = new Database(file);
  database.exec(`
    INSERT INTO definition_bodies (digest, body) VALUES ('bench', '{}');
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})
    INSERT INTO executions (id, engine, kind, name, phase, created_at, started_at, ended_at, limit_ms, digest, defaults, input, output)
    SELECT printf('bench-%08d', n), 'embedded', 'agent', 'bench', 'succeeded', '2026-01-01T00:00:00.000Z',
      '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:01.000Z', 600000, 'bench', '{}', '{}', '"done"' FROM numbers;
  `);
  database.close();
}

/** @param {StackHome} stack @param {string[]} args @param {number} runs */
function timeOf(stack, args, runs) {
  const times = measureInTurns({ command: [process.execPath, CLI, ...args] }, { runs, env: stack.env, accept: [0, 3] });
  return median(times["command"] ?? []);
}

/** @param {string} what @param {{ count: number, ms: number }[]} figures the first is the measure of the others */
function toRows(what, figures) {
  const least = figures[0]?.ms ?? Number.NaN;
  return figures.map(({ count, ms }, index) => ({
    what: `${what}: ${count.toLocaleString("en")}`,
    value: ms,
    unit: "ms",
    ...(index === 0 ? { target: null } : { target: `the same within ${NOISE_MS} ms`, met: ms <= least + NOISE_MS }),
  }));
}
