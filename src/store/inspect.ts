import { isUtf8 } from "node:buffer";
import { open } from "node:fs/promises";
import type { SqlDriver } from "@stigmer/agent-runner/sql-driver";
import { applicationId, schemaVersion } from "@stigmer/agent-runner/sql-migrate";
import { AppError } from "../errors.ts";
import { toFileError } from "../platform/file-error.ts";
import { damaged, unusable } from "./database-error.ts";
import { SCHEMA } from "./migrations.ts";

/**
 * Up to this size every page and every text is checked before the first write (about 2 ms a MiB). Larger databases have their header
 * and schema checked; a damaged page of theirs is reported when it is read.
 */
const FULL_CHECK_BYTES = 16 * 1024 * 1024;

/** The first bytes of every SQLite database. */
const MAGIC = "SQLite format 3\0";

/**
 * Decides whether an existing, non-empty file is a database that this version may write to. Changes
 * nothing.
 * @throws AppError STATE_DAMAGED when it is damaged, foreign, or written by a newer version.
 */
export async function inspectDatabase(file: string, openReadOnly: () => Promise<SqlDriver>): Promise<void> {
  const size = await checkMagic(file);
  const driver = await openReadOnly();
  try {
    const version = schemaVersion(driver);
    if (applicationId(driver) !== SCHEMA.applicationId && !isUntouched(driver, version)) {
      throw unusable(file, `${file} is a database of another program`, "Move it away, or use another home");
    }
    if (version > SCHEMA.migrations.length) {
      throw unusable(
        file,
        `The database ${file} was written by a newer version of stigmer (format ${version}, this one knows ${SCHEMA.migrations.length})`,
        "Use the newer version, or move the database away to begin with an empty one",
      );
    }
    if (size <= FULL_CHECK_BYTES) checkPages(file, driver);
  } catch (error) {
    throw error instanceof AppError
      ? error
      : damaged(file, error instanceof Error ? error.message : String(error), error);
  } finally {
    driver.close();
  }
}

/** SQLite takes a file of a few bytes, whatever they are, for an empty database and would overwrite them. */
async function checkMagic(file: string): Promise<number> {
  const handle = await open(file, "r").catch((error: unknown) => {
    throw toFileError(error, file);
  });
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
    if (buffer.toString("latin1", 0, bytesRead) !== MAGIC)
      throw damaged(file, "it does not begin as an SQLite database");
    return (await handle.stat()).size;
  } finally {
    await handle.close();
  }
}

/** A creation that was cut short leaves a valid database without tables. */
function isUntouched(driver: SqlDriver, version: number): boolean {
  return version === 0 && driver.get("SELECT name FROM sqlite_master LIMIT 1") === null;
}

function checkPages(file: string, driver: SqlDriver): void {
  const verdict = driver.get("PRAGMA quick_check(1)")?.["quick_check"];
  if (verdict !== "ok") throw damaged(file, String(verdict));
  checkTexts(file, driver, "sqlite_schema");
  const tables = driver.all("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
  for (const { name } of tables) checkTexts(file, driver, String(name));
}

/**
 * A page may be sound and its text not: SQLite stores whatever bytes it is given, and the binding aborts the whole process
 * on a text that is no UTF-8. So all texts of a table are fetched as bytes, at once.
 */
function checkTexts(file: string, driver: SqlDriver, table: string): void {
  const columns = driver.all(`SELECT name FROM pragma_table_info('${table}')`);
  if (columns.length === 0) return;
  // The separator is ASCII: a character cut off at the end of one text cannot be completed by the next.
  const row = columns.map(({ name }) => `ifnull("${name}", '')`).join(" || char(10) || ");
  const texts = driver.get(`SELECT CAST(group_concat(${row}, char(10)) AS BLOB) AS bytes FROM "${table}"`)?.["bytes"];
  if (texts instanceof Uint8Array && !isUtf8(texts)) throw damaged(file, `a text in ${table} is not UTF-8`);
}
