import { writeFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { renderReport } from "./report.ts";
import type { Size } from "./row.ts";
import { ROWS } from "./rows.ts";
import { describeFailures, type RowResult, runRow } from "./run-row.ts";

/** What scripts/reliability.mjs was told on its command line. */
interface Order {
  size: Size;
  seed: number;
  rows: string[];
  runs: number | null;
  /** Where the report goes; null for none. */
  report: string | null;
}

const order = JSON.parse(process.env["RELIABILITY_ORDER"] ?? "null") as Order | null;
if (order === null) throw new Error("run `npm run reliability`, which prepares what this needs");
const { size, seed, rows, runs, report } = order;
const results: RowResult[] = [];
const unknown = rows.filter((name) => !ROWS.some((row) => row.name === name));
if (unknown.length > 0) throw new Error(`no row ${unknown}; there are ${ROWS.map(({ name }) => name).join(" ")}`);

for (const row of ROWS.filter(({ name }) => rows.length === 0 || rows.includes(name))) {
  test(row.fault, async () => {
    const result = await runRow(row, {
      size,
      seed,
      ...(runs === null ? {} : { runs }),
      say: (line) => console.log(line),
    });
    results.push(result);
    expect(describeFailures(result)).toEqual([]);
  });
}

afterAll(() => {
  const text = renderReport(results, { size, seed });
  console.log(text);
  if (report !== null) writeFileSync(report, text);
});
