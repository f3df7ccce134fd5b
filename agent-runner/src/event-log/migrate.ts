import type { SqlDriver } from "./driver.ts";

export interface Schema {
  /** In the header of every database of this kind: any other number is somebody else's file. */
  applicationId: number;
  /** One entry a version; `PRAGMA user_version` counts how many were applied. An entry that was released is never edited. */
  migrations: readonly string[];
}

/** Brings an empty or older database up to date, one transaction a version. */
export function migrate(driver: SqlDriver, { applicationId, migrations }: Schema): void {
  const version = schemaVersion(driver);
  for (const [index, sql] of migrations.entries()) {
    if (index < version) continue;
    driver.transaction(() => {
      driver.exec(sql);
      driver.exec(`PRAGMA application_id = ${applicationId}`);
      driver.exec(`PRAGMA user_version = ${index + 1}`);
    });
  }
}

/** How many migrations the database has seen. */
export function schemaVersion(driver: SqlDriver): number {
  return pragmaNumber(driver, "user_version");
}

/** Whose database it is; 0 when it is new. */
export function applicationId(driver: SqlDriver): number {
  return pragmaNumber(driver, "application_id");
}

function pragmaNumber(driver: SqlDriver, name: "user_version" | "application_id"): number {
  const value = driver.get(`PRAGMA ${name}`)?.[name];
  if (typeof value !== "number") throw new Error(`PRAGMA ${name} answered no number`);
  return value;
}
