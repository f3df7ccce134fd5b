import type { Json } from "../../protocol/messages.ts";
import type { Row } from "./sqlite.ts";

/** Reading columns of our own tables: a value of another kind means a damaged database. */

export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw damaged(column);
  return value;
}

export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column);
}

export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== "number") throw damaged(column);
  return value;
}

export function integerOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : integer(row, column);
}

export function json(row: Row, column: string): Json {
  return JSON.parse(text(row, column)) as Json;
}

export function jsonOrNull(row: Row, column: string): Json {
  return row[column] === null ? null : json(row, column);
}

function damaged(column: string): Error {
  return new Error(`the column ${column} holds what it must not`);
}
