import type { Row, SqlValue } from "../../event-log/driver.ts";

/** The part of `node:sqlite` that is used; the types of the oldest Node that this repository builds with lack it. */
export interface NodeSqlite {
  DatabaseSync: new (file: string) => Database;
}

export interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

export interface Statement {
  run(...values: SqlValue[]): { changes: number | bigint };
  get(...values: SqlValue[]): Row | undefined;
  all(...values: SqlValue[]): Row[];
}

/**
 * Null where this Node has none. Node 22 warns at every start that it is experimental, which nobody who reads the log
 * of a deployment can do anything about.
 */
export function loadNodeSqlite(): NodeSqlite | null {
  const warn = process.emitWarning;
  process.emitWarning = () => {};
  try {
    return (process.getBuiltinModule?.("node:sqlite") as NodeSqlite | undefined) ?? null;
  } finally {
    process.emitWarning = warn;
  }
}
