import { expect, test } from "vitest";
import { ROWS } from "../reliability/rows.ts";
import { describeFailures, runRow } from "../reliability/run-row.ts";

/** The same faults every time; `npm run reliability` chooses others. */
const SEED = 1;

for (const row of ROWS.filter(({ runs }) => runs.small > 0)) {
  const obstacle = row.obstacle?.() ?? null;
  test.skipIf(obstacle !== null)(`${row.name}: ${row.fault}; ${row.holds}`, async () => {
    const result = await runRow(row, { size: "small", seed: SEED, say: () => {} });
    expect(describeFailures(result)).toEqual([]);
    expect(result.happened).toBeGreaterThanOrEqual(row.runs.small);
  });
}
