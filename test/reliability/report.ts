import type { Size } from "./row.ts";
import type { RowResult } from "./run-row.ts";

/** docs/reliability.md: what was done, how often, and what came of it. Every figure is of this run. */
export function renderReport(results: readonly RowResult[], { size, seed }: { size: Size; seed: number }): string {
  const total = results.reduce((sum, { happened }) => sum + happened, 0);
  const failed = results.reduce((sum, { failures }) => sum + failures.length, 0);
  return [
    "# Reliability: the fault matrix",
    "",
    "Written by `npm run reliability`, which runs all of it again; every figure is of one run.",
    `This one: size \`${size}\`, seed ${seed}, ${total} faults, ${failed} failed trials.`,
    "",
    "| row | fault | must hold | runs | result | worst time | seen |",
    "| --- | --- | --- | ---: | --- | ---: | --- |",
    ...results.map(renderRow),
    "",
  ].join("\n");
}

function renderRow({ row, obstacle, happened, failures, worst, seen }: RowResult): string {
  const result =
    obstacle !== null ? `left out: ${obstacle}` : failures.length === 0 ? "holds" : `${failures.length} failed`;
  const time = worst === null ? "–" : `${worst.what} ${(worst.ms / 1000).toFixed(1)} s`;
  const counts = [...seen].map(([what, times]) => `${what} ${times}`).sort();
  const cells = [`\`${row.name}\``, row.fault, row.holds, String(happened), result, time, counts.join(", ") || "–"];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
