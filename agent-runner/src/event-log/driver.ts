/** What a column may hold. Booleans are stored as 0 and 1: the native binding ends the process when it is given one. */
export type SqlValue = string | number | null;

/** A row by column name. */
export type Row = Readonly<Record<string, unknown>>;

/**
 * The few things that are asked of an SQLite binding, so that the event log is the same on libsql, which the stack's
 * server uses, and on `node:sqlite`, which a deployment does (engine.md §7). All calls are synchronous. Statements are
 * prepared once per text and kept.
 */
export interface SqlDriver {
  /** Runs statements that take no values and answer nothing. */
  exec(sql: string): void;
  /** Runs one statement; returns how many rows it changed. */
  run(sql: string, ...values: SqlValue[]): number;
  /** The first row, or null. */
  get(sql: string, ...values: SqlValue[]): Row | null;
  all(sql: string, ...values: SqlValue[]): Row[];
  /** All of `work` or nothing of it; `work` must be synchronous and may itself call `transaction`. */
  transaction<T>(work: () => T): T;
  close(): void;
}
