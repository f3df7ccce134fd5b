import type { Sqlite } from "./sqlite.ts";

/** "stgj" in ASCII, in the header of every job database: any other number is somebody else's file. */
const APPLICATION_ID = 0x7374676a;

/**
 * One entry a version; `PRAGMA user_version` counts how many were applied. An entry that was released is never edited.
 * Times are milliseconds since the epoch, values JSON; large columns come last, and every query has its index.
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
];

/** Brings an empty or older database up to date, one transaction a version. @throws where it is not ours or newer. */
export function migrate(sqlite: Sqlite): void {
  const version = pragma(sqlite, "user_version");
  const owner = pragma(sqlite, "application_id");
  if (owner !== APPLICATION_ID && (version !== 0 || owner !== 0))
    throw new Error("it is not a database of this server");
  if (version > MIGRATIONS.length) throw new Error("a newer version of this server wrote it");
  for (const [index, sql] of MIGRATIONS.entries()) {
    if (index < version) continue;
    sqlite.transaction(() => {
      sqlite.exec(sql);
      sqlite.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
      sqlite.exec(`PRAGMA user_version = ${index + 1}`);
    });
  }
}

function pragma(sqlite: Sqlite, name: "user_version" | "application_id"): number {
  const value = sqlite.get(`PRAGMA ${name}`)?.[name];
  if (typeof value !== "number") throw new Error(`PRAGMA ${name} answered no number`);
  return value;
}
