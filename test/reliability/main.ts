import { parseArgs } from "node:util";
import { Bench } from "./bench.ts";
import { renderReport, type RowResult } from "./report.ts";
import { ROWS } from "./rows.ts";
import type { Row, Size } from "./row.ts";
import { writeFileSync } from "node:fs";

void main();

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      row: { type: "string", multiple: true },
      size: { type: "string", default: "full" },
      seed: { type: "string" },
      runs: { type: "string" },
      output: { type: "string" },
    },
  });
  const size: Size = values.size === "small" ? "small" : "full";
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
  const rows = ROWS.filter(({ name }) => values.row === undefined || values.row.includes(name));
  console.log(`seed ${seed}, size ${size}, rows: ${rows.map(({ name }) => name).join(" ")}`);
  const results: RowResult[] = [];
  for (const row of rows) results.push(await runRow(row, { size, seed, runs: Number(values.runs ?? row.runs[size]) }));
  const report = renderReport(results, { size, seed });
  console.log(report);
  if (values.output !== undefined) writeFileSync(values.output, report);
  process.exitCode = results.some(({ failures }) => failures.length > 0) ? 1 : 0;
}

async function runRow(row: Row, options: { size: Size; seed: number; runs: number }): Promise<RowResult> {
  const obstacle = row.obstacle?.() ?? null;
  const bench = new Bench({ ...options, say: (line) => console.log(`${row.name}: ${line}`) });
  if (obstacle === null) await row.run(bench);
  else console.log(`${row.name}: SKIPPED: ${obstacle}`);
  return { row, obstacle, ...pickResult(bench) };
}

function pickResult({ happened, failures, worst, seen }: Bench): Omit<RowResult, "row" | "obstacle"> {
  return { happened, failures, worst, seen };
}
