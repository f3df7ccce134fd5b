import { Bench, type Failure } from "./bench.ts";
import type { Row, Size } from "./row.ts";

export interface RowResult {
  row: Row;
  /** Why it was left out; null when it ran. */
  obstacle: string | null;
  happened: number;
  failures: readonly Failure[];
  worst: { what: string; ms: number } | null;
  seen: ReadonlyMap<string, number>;
}

export interface RowOptions {
  size: Size;
  seed: number;
  /** Instead of the size's own number of runs. */
  runs?: number;
  say: (line: string) => void;
}

export async function runRow(row: Row, { size, seed, runs = row.runs[size], say }: RowOptions): Promise<RowResult> {
  const obstacle = row.obstacle?.() ?? null;
  const bench = new Bench({ size, seed, runs, say: (line) => say(`${row.name}: ${line}`) });
  if (obstacle === null) await row.run(bench);
  else say(`${row.name}: LEFT OUT: ${obstacle}`);
  const { happened, failures, worst, seen } = bench;
  return { row, obstacle, happened, failures, worst, seen };
}

/** What went wrong, with the command that repeats it. */
export function describeFailures({ row, failures }: RowResult): string[] {
  return failures.map(({ seed, what, problems }) =>
    [`${what}; again: npm run reliability -- --row ${row.name} --seed ${seed} --runs 1`, ...problems].join("\n  "),
  );
}
