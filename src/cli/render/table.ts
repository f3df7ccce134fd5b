import { stripVTControlCharacters } from "node:util";
import type { Paint } from "./paint.ts";

export interface TableRow {
  cells: string[];
  /** Lines of their own under the row. */
  below?: string[];
}

/** Columns as wide as their widest cell, two spaces apart; colours do not count. Ends without a newline. */
export function renderTable(header: string[], rows: TableRow[], paint: Paint): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map(({ cells }) => widthOf(cells[column] ?? ""))),
  );
  const line = (cells: string[]): string =>
    cells
      .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - widthOf(cell)))
      .join("  ")
      .trimEnd();
  const lines = [paint("dim", line(header))];
  for (const { cells, below = [] } of rows) lines.push(line(cells), ...below.map((text) => paint("dim", `  ${text}`)));
  return lines.join("\n");
}

function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}
