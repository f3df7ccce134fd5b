import type { SqlDriver } from "../../event-log/driver.ts";
import { type Database, loadNodeSqlite, type Statement } from "./node-sqlite.ts";

/** Opens or makes `file` with the SQLite of Node. @throws the binding's error. */
export function openSqlite(file: string): SqlDriver {
  const binding = loadNodeSqlite();
  if (binding === null) throw new Error("this Node has no node:sqlite");
  const database = new binding.DatabaseSync(file);
  const statements = new Map<string, Statement>();
  const prepare = (sql: string): Statement => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = database.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
  let isInTransaction = false;

  return {
    exec: (sql) => database.exec(sql),
    run: (sql, ...values) => Number(prepare(sql).run(...values).changes),
    get: (sql, ...values) => prepare(sql).get(...values) ?? null,
    all: (sql, ...values) => prepare(sql).all(...values),
    transaction(work) {
      if (isInTransaction) return work();
      database.exec("BEGIN IMMEDIATE");
      isInTransaction = true;
      try {
        const result = work();
        database.exec("COMMIT");
        return result;
      } catch (error) {
        rollBack(database);
        throw error;
      } finally {
        isInTransaction = false;
      }
    },
    close: () => database.close(),
  };
}

function rollBack(database: Database): void {
  try {
    database.exec("ROLLBACK");
  } catch {
    // A full disk makes SQLite roll back by itself, and the error that led here is the one to tell.
  }
}
