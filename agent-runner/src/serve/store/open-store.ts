import { createHash } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { text } from "../../event-log/columns.ts";
import type { SqlDriver } from "../../event-log/driver.ts";
import { createEvents, type Events } from "../../event-log/events.ts";
import { createSteps, type Steps } from "../../event-log/steps.ts";
import { openWalSync, type WalSync } from "../../event-log/wal-sync.ts";
import { makeDirectory } from "../../make-directory.ts";
import type { KeptWorkflow } from "../../protocol/messages.ts";
import { SettingsError } from "../settings.ts";
import { createJobRuns, type JobRuns } from "./job-runs.ts";
import { createJobsTable, type JobsTable } from "./jobs-table.ts";
import { migrateJobs } from "./schema.ts";
import { openSqlite } from "./sqlite.ts";

export interface Store {
  jobs: JobsTable;
  runs: JobRuns;
  steps: Steps;
  events: Events;
  /** Keeps a workflow, once. @returns its digest. */
  keepWorkflow(workflow: KeptWorkflow): string;
  workflow(digest: string): KeptWorkflow;
  /** Forgets the workflows that no job began with, but for `current`. */
  dropWorkflowsBut(current: string): void;
  transaction<T>(work: () => T): T;
  /** Resolves once everything written before this call survives a loss of power. */
  flush(): Promise<void>;
  /** A write and its way to the disk. @throws when jobs cannot be kept at the moment. */
  probe(): Promise<void>;
  close(): Promise<void>;
}

/** How long another server that holds the jobs may take to end, in milliseconds: the one that this one replaces. */
const BUSY_TIMEOUT_MS = 5_000;

/** A checkpoint stops the event loop for the disk: once in 16 MiB of writes. */
const CHECKPOINT_PAGES = 4_000;

/** Opens or makes the jobs of `directory`. @throws SettingsError that names DATA_DIR. */
export function openStore(directory: string): Store {
  const file = join(directory, "jobs.db");
  try {
    makeDirectory(directory, 0o700);
    // Made before SQLite makes it: jobs are nobody else's to read. Its log gets the same mode.
    closeSync(openSync(file, "a", 0o600));
    const sqlite = openSqlite(file);
    sqlite.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    // Held to the end: two servers with the same jobs would run each of them twice.
    sqlite.exec("PRAGMA locking_mode = EXCLUSIVE");
    sqlite.exec("PRAGMA journal_mode = WAL");
    sqlite.exec("PRAGMA synchronous = NORMAL");
    sqlite.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    migrateJobs(sqlite);
    writeProbe(sqlite);
    return createStore(sqlite, openWalSync(`${file}-wal`));
  } catch (error) {
    throw new SettingsError(`DATA_DIR ${directory} cannot be used: ${reasonOf(error)}`);
  }
}

function createStore(sqlite: SqlDriver, { flush, close }: WalSync): Store {
  return {
    jobs: createJobsTable(sqlite),
    runs: createJobRuns(sqlite),
    steps: createSteps(sqlite),
    events: createEvents(sqlite),
    keepWorkflow(workflow) {
      const body = JSON.stringify(workflow);
      const digest = createHash("sha256").update(body).digest("hex");
      sqlite.run("INSERT INTO workflows (digest, body) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING", digest, body);
      return digest;
    },
    workflow(digest) {
      const row = sqlite.get("SELECT body FROM workflows WHERE digest = ?", digest);
      if (row === null) throw new Error(`the workflow ${digest} of a job is gone`);
      return JSON.parse(text(row, "body")) as KeptWorkflow;
    },
    dropWorkflowsBut: (current) => {
      sqlite.run(
        "DELETE FROM workflows WHERE digest <> ? AND NOT EXISTS (SELECT 1 FROM jobs WHERE workflow = digest)",
        current,
      );
    },
    transaction: (work) => sqlite.transaction(work),
    flush,
    probe: async () => {
      writeProbe(sqlite);
      await flush();
    },
    close: async () => {
      sqlite.close();
      await close();
    },
  };
}

function writeProbe(sqlite: SqlDriver): void {
  sqlite.run(
    "INSERT INTO probe (id, time) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET time = excluded.time",
    Date.now(),
  );
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return /locked|busy/i.test(message) ? `another server uses its jobs (${message})` : message;
}
