import type { Json } from "@stigmer/agent-runner/protocol";
import { AppError } from "../errors.ts";
import type { Row } from "./driver.ts";

/** Reads columns as what the migrations declared them to be. @throws AppError STATE_DAMAGED for anything else. */

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw damagedValue(column, `${typeof value} instead of text`);
  return value;
}

export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column);
}

export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== "number") throw damagedValue(column, `${typeof value} instead of a number`);
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
    throw damagedValue(column, error instanceof Error ? error.message : String(error), error);
  }
}

export function jsonOrNull(row: Row, column: string): Json {
  return row[column] === null ? null : json(row, column);
}

/** SQLite keeps no checksums: a page that is sound to it may hold values that nobody wrote. */
function damagedValue(column: string, detail: string, cause?: unknown): AppError {
  return new AppError("STATE_DAMAGED", `The database holds a damaged value in its column ${column}`, {
    detail,
    hint: "Stop the stack and move data/stigmer.db away to begin with an empty one; definitions have to be applied again",
    actions: [{ label: "Stop the stack", command: "stigmer server stop" }],
    cause,
  });
}
