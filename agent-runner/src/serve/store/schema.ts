import type { SqlDriver } from "../../event-log/driver.ts";
import { applicationId, migrate, type Schema, schemaVersion } from "../../event-log/migrate.ts";

/** "stgj" in ASCII. */
const APPLICATION_ID = 0x7374676a;

/**
 * The tables `events` and `steps` are those of the event log, as every owner of one has them in the end. Times are milliseconds since the epoch, values JSON; large columns come last, and every query has its index.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE workflows (digest TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;

  CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    cancel_asked INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    completed_at INTEGER,
    elapsed_ms INTEGER NOT NULL DEFAULT 0,
    idempotency_key TEXT UNIQUE,
    body_digest TEXT NOT NULL,
    workflow TEXT NOT NULL REFERENCES workflows (digest),
    error TEXT,
    input TEXT NOT NULL,
    output TEXT
  );
  CREATE INDEX jobs_by_status ON jobs (status, number);
  CREATE INDEX jobs_by_end ON jobs (completed_at) WHERE completed_at IS NOT NULL;
  CREATE INDEX jobs_by_workflow ON jobs (workflow);

  CREATE TABLE runs (
    job INTEGER NOT NULL REFERENCES jobs (number),
    run INTEGER NOT NULL,
    node TEXT NOT NULL,
    iteration INTEGER NOT NULL,
    phase TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    error TEXT,
    state TEXT NOT NULL,
    output TEXT,
    PRIMARY KEY (job, run)
  ) WITHOUT ROWID;

  CREATE TABLE steps (
    job INTEGER NOT NULL REFERENCES jobs (number),
    run INTEGER NOT NULL,
    step INTEGER NOT NULL,
    phase TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (job, run, step)
  ) WITHOUT ROWID;

  CREATE TABLE events (
    job INTEGER NOT NULL REFERENCES jobs (number),
    seq INTEGER NOT NULL,
    type TEXT NOT NULL,
    time TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (job, seq)
  ) WITHOUT ROWID;

  CREATE TABLE probe (id INTEGER PRIMARY KEY, time INTEGER NOT NULL);
  `,
  // The event log's own tables: what happens in a job is kept as what happens in any execution.
  `
  ALTER TABLE runs RENAME COLUMN job TO execution;
  ALTER TABLE steps RENAME COLUMN job TO execution;
  ALTER TABLE events RENAME COLUMN job TO execution;
  ALTER TABLE events ADD COLUMN attempt INTEGER;
  ALTER TABLE events ADD COLUMN step INTEGER;
  ALTER TABLE events ADD COLUMN item INTEGER;
  ALTER TABLE events ADD COLUMN run INTEGER NOT NULL DEFAULT 0;
  CREATE UNIQUE INDEX events_delivered ON events (execution, run, attempt, step, item) WHERE attempt IS NOT NULL;
  `,
];

export const JOBS_SCHEMA: Schema = { applicationId: APPLICATION_ID, migrations: MIGRATIONS };

/** Brings the database of jobs up to date. @throws where it is not ours or newer. */
export function migrateJobs(driver: SqlDriver): void {
  const version = schemaVersion(driver);
  const owner = applicationId(driver);
  if (owner !== APPLICATION_ID && (version !== 0 || owner !== 0))
    throw new Error("it is not a database of this server");
  if (version > MIGRATIONS.length) throw new Error("a newer version of this server wrote it");
  migrate(driver, JOBS_SCHEMA);
}
