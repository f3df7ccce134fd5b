import type { Json } from "../protocol/messages.ts";
import type { Row } from "./driver.ts";

/** A value that nobody wrote: SQLite keeps no checksums, and a page that is sound to it may hold anything. */
export class DamagedColumn extends Error {
  override readonly name = "DamagedColumn";
  readonly column: string;
  readonly detail: string;

  constructor(column: string, detail: string, cause?: unknown) {
    super(`the database holds a damaged value in its column ${column}: ${detail}`, { cause });
    this.column = column;
    this.detail = detail;
  }
}

/** Reads columns as what the migrations declared them to be. @throws DamagedColumn for anything else. */

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw new DamagedColumn(column, `${typeof value} instead of text`);
  return value;
}

export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column);
}

export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== "number") throw new DamagedColumn(column, `${typeof value} instead of a number`);
  return value;
}

export function integerOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : integer(row, column);
}

/** A column that holds JSON text, as all free text does: SQLite's C strings end at the first NUL, JSON escapes it. */
export function json(row: Row, column: string): Json {
  const value = text(row, column);
  try {
    return JSON.parse(value) as Json;
  } catch (error) {
    throw new DamagedColumn(column, error instanceof Error ? error.message : String(error), error);
  }
}

export function jsonOrNull(row: Row, column: string): Json {
  return row[column] === null ? null : json(row, column);
}
