import type { Json } from "@stigmer/agent-runner/protocol";
import type { Row } from "./driver.ts";

/** Reads columns as what the migrations declared them to be; anything else is a bug of ours. */

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw wrongType(column, "text", value);
  return value;
}

export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column);
}

export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== "number") throw wrongType(column, "a number", value);
  return value;
}

export function integerOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : integer(row, column);
}

/** A column that holds JSON text, as all free text does: SQLite's C strings end at the first NUL, JSON escapes it. */
export function json(row: Row, column: string): Json {
  return JSON.parse(text(row, column)) as Json;
}

export function jsonOrNull(row: Row, column: string): Json {
  return row[column] === null ? null : json(row, column);
}

function wrongType(column: string, expected: string, value: unknown): Error {
  return new Error(`column ${column} should hold ${expected}, not ${value === null ? "null" : typeof value}`);
}
