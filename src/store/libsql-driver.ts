import type { Row, SqlDriver, SqlValue } from "@stigmer/agent-runner/sql-driver";
import type Database from "libsql";
import { toStoreError } from "./database-error.ts";

/** How long a write waits for another process that holds the database, in milliseconds: a tool looking at the file. */
const BUSY_TIMEOUT_MS = 5_000;

/**
 * Opens `file`, which must exist, with libsql. Errors of every call pass through {@link toStoreError}.
 * @param mode "inspect" opens read-only and leaves no trace, not even the checkpoint of a normal close.
 */
export async function openLibsql(file: string, mode: "write" | "inspect"): Promise<SqlDriver> {
  const { default: Libsql } = await import("libsql");
  const guard = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw toStoreError(error, file);
    }
  };
  const database = guard(() => new Libsql(mode === "inspect" ? readOnlyUri(file) : file, { timeout: BUSY_TIMEOUT_MS }));
  return createDriver(database, guard);
}

/** The binding has no read-only flag of its own; a `file:` URI carries SQLite's. */
function readOnlyUri(file: string): string {
  return `file:${file.split("/").map(encodeURIComponent).join("/")}?mode=ro`;
}

function createDriver(database: Database.Database, guard: <T>(work: () => T) => T): SqlDriver {
  const statements = new Map<string, Database.Statement>();
  const prepare = (sql: string): Database.Statement => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = database.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };

  return {
    exec: (sql) => guard(() => void database.exec(sql)),
    run: (sql, ...values) => guard(() => prepare(sql).run(checked(values)).changes),
    get: (sql, ...values) => guard(() => (prepare(sql).get(checked(values)) as Row | undefined) ?? null),
    all: (sql, ...values) => guard(() => prepare(sql).all(checked(values)) as Row[]),
    transaction: (work) =>
      guard(() => {
        if (database.inTransaction) return work();
        database.exec("BEGIN IMMEDIATE");
        try {
          const result = work();
          database.exec("COMMIT");
          return result;
        } catch (error) {
          // A full disk makes SQLite roll back by itself; a second rollback would hide the reason.
          if (database.inTransaction) database.exec("ROLLBACK");
          throw error;
        }
      }),
    close: () => guard(() => void database.close()),
  };
}

/** The binding aborts the whole process on a value that it cannot bind, so the types are checked here too. */
function checked(values: SqlValue[]): SqlValue[] {
  for (const value of values) {
    if (value !== null && typeof value !== "string" && typeof value !== "number") {
      throw new TypeError(`a column cannot hold a ${typeof value}`);
    }
  }
  return values;
}
