/**
 * `npm run bench [-- --runs N] [--only NAME] [--write]`: the figures of the stack, each beside its target and, where
 * there is one, its floor or peer from the same run. `--write` puts them into docs/performance.md, the groups that were not
 * measured staying as they are.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { benchCommands } from "./commands.mjs";
import { benchDeploy } from "./deploy.mjs";
import { benchDockerRunner } from "./docker-runner.mjs";
import { benchExecutions } from "./executions.mjs";
import { benchGrowth } from "./growth.mjs";
import { benchImage } from "./image.mjs";
import { ROOT } from "./lib/stack-home.mjs";
import { benchLogs } from "./logs.mjs";
import { benchServe } from "./serve.mjs";
import { benchStack } from "./stack.mjs";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "10" },
    only: { type: "string" },
    write: { type: "boolean", default: false },
  },
});
const runs = Number(values.runs);
/** What else the machine was doing: figures of a busy one say little by themselves. */
const load = loadavg()[0] ?? 0;

/** @type {[string, () => any][]} */
const GROUPS = [
  ["commands", () => benchCommands({ runs: runs * 2 })],
  ["stack", () => benchStack({ runs, restSeconds: 60 })],
  ["image", () => benchImage({ runs })],
  ["deploy", () => benchDeploy({ runs })],
  ["serve", () => benchServe({ runs, seconds: 5 })],
  ["executions", () => benchExecutions({ executions: 600 })],
  ["logs", () => benchLogs({ runs: Math.max(1, Math.round(runs / 2)), seconds: 120 })],
  ["growth", () => benchGrowth({ runs })],
  ["docker-runner", () => benchDockerRunner({ samples: 1000, seconds: 5 })],
];

/** @type {Map<string, string>} */
const measured = new Map();
for (const [name, bench] of GROUPS) {
  if (values.only !== undefined && values.only !== name) continue;
  const table = toTable(await bench());
  console.log(`\n## ${name}\n\n${table}`);
  measured.set(name, table);
}
if (values.write) writeFigures();

/** @param {{ what: string, value: number | null, unit: string, target: string | null, met?: boolean }[]} rows */
function toTable(rows) {
  const lines = rows.map(({ what, value, unit, target, met }) => {
    const figure = value === null ? "not installed here" : `${format(value)} ${unit}`;
    return `| ${what} | ${figure} | ${target ?? ""} | ${met === undefined ? "" : met ? "met" : "missed"} |`;
  });
  return ["| what | measured | target | |", "| --- | --- | --- | --- |", ...lines].join("\n");
}

/** @param {number} value */
function format(value) {
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(value < 1 ? 2 : 1);
}

/** Between the two marks of docs/performance.md; everything else there is prose. */
function writeFigures() {
  const file = join(ROOT, "docs/performance.md");
  const [before = "", figures = "", after = ""] = readFileSync(file, "utf8").split(/<!-- (?:end of )?figures -->/);
  const kept = new Map(figures.split(/^### /m).map((section) => split(section.trim(), "\n\n")));
  const sections = GROUPS.flatMap(([name]) => {
    const section = measured.has(name) ? `${conditions()}\n\n${measured.get(name)}` : kept.get(name);
    return section === undefined ? [] : [`### ${name}\n\n${section}`];
  });
  writeFileSync(file, `${before}<!-- figures -->\n${sections.join("\n\n")}\n<!-- end of figures -->${after}`);
}

function conditions() {
  const machine = `${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`;
  return `${machine}, median of ${runs} runs, load average ${load.toFixed(1)} at the start.`;
}

/** @param {string} text @param {string} mark @returns {[string, string]} */
function split(text, mark) {
  const at = text.indexOf(mark);
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + mark.length)];
}
