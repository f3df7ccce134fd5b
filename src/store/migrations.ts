import type { Schema } from "@stigmer/agent-runner/sql-migrate";

/** "stig" in ASCII. */
const APPLICATION_ID = 0x73746967;

/**
 * The tables `events` and `steps` are those of the runtime's event log, as every owner of one has them in the end.
 * Free text is stored as JSON (see its columns.ts), large columns come last, and nothing scans: every query of the store
 * has its index.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE definition_bodies (digest TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;

  CREATE TABLE definitions (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL REFERENCES definition_bodies (digest),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    file TEXT NOT NULL,
    PRIMARY KEY (kind, name)
  ) WITHOUT ROWID;

  CREATE TABLE executions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    engine TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    phase TEXT NOT NULL,
    created_at TEXT NOT NULL,
    started_at TEXT,
    ended_at TEXT,
    conversation_id TEXT,
    conversation_turns INTEGER NOT NULL DEFAULT 0,
    limit_ms INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    digest TEXT NOT NULL REFERENCES definition_bodies (digest),
    defaults TEXT NOT NULL,
    error TEXT,
    input TEXT NOT NULL,
    output TEXT
  );
  CREATE INDEX executions_by_phase ON executions (phase, number);

  CREATE TABLE events (
    execution INTEGER NOT NULL REFERENCES executions (number),
    seq INTEGER NOT NULL,
    type TEXT NOT NULL,
    time TEXT NOT NULL,
    attempt INTEGER,
    step INTEGER,
    item INTEGER,
    data TEXT NOT NULL,
    PRIMARY KEY (execution, seq)
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX events_delivered ON events (execution, attempt, step, item) WHERE attempt IS NOT NULL;

  CREATE TABLE steps (
    execution INTEGER NOT NULL REFERENCES executions (number),
    step INTEGER NOT NULL,
    phase TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (execution, step)
  ) WITHOUT ROWID;

  CREATE TABLE tasks (
    execution INTEGER PRIMARY KEY REFERENCES executions (number),
    queue TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0,
    elapsed_ms INTEGER NOT NULL DEFAULT 0,
    stopping TEXT,
    lease_id TEXT,
    runner_session TEXT,
    environment TEXT NOT NULL
  );

  CREATE TABLE conversations (
    id TEXT NOT NULL,
    turn INTEGER NOT NULL,
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (id, turn)
  ) WITHOUT ROWID;

  CREATE TABLE runner_sessions (
    id TEXT PRIMARY KEY,
    runner_id TEXT,
    hello TEXT NOT NULL
  ) WITHOUT ROWID;
  `,
  // Workflows: an execution has many tasks, of which the one with run 0 is its own (an agent, or the turn of a
  // workflow), and steps and events are told apart by run.
  `
  ALTER TABLE executions ADD COLUMN elapsed_ms INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE executions ADD COLUMN stopping TEXT;
  UPDATE executions SET elapsed_ms = tasks.elapsed_ms, stopping = tasks.stopping
    FROM tasks WHERE number = tasks.execution;

  CREATE TABLE environments (
    execution INTEGER PRIMARY KEY REFERENCES executions (number),
    environment TEXT NOT NULL
  );
  INSERT INTO environments SELECT execution, environment FROM tasks WHERE environment <> '{}';

  ALTER TABLE tasks RENAME TO tasks_1;
  CREATE TABLE tasks (
    execution INTEGER NOT NULL REFERENCES executions (number),
    run INTEGER NOT NULL,
    number INTEGER NOT NULL,
    queue TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0,
    is_stale INTEGER NOT NULL DEFAULT 0,
    lease_id TEXT,
    runner_session TEXT,
    PRIMARY KEY (execution, run)
  ) WITHOUT ROWID;
  INSERT INTO tasks (execution, run, number, queue, attempt, deaths, lease_id, runner_session)
    SELECT execution, 0, execution, queue, attempt, deaths, lease_id, runner_session FROM tasks_1;
  DROP TABLE tasks_1;

  CREATE TABLE node_runs (
    execution INTEGER NOT NULL REFERENCES executions (number),
    run INTEGER NOT NULL,
    node TEXT NOT NULL,
    iteration INTEGER NOT NULL,
    phase TEXT NOT NULL,
    started_at TEXT,
    ended_at TEXT,
    error TEXT,
    state TEXT NOT NULL,
    output TEXT,
    PRIMARY KEY (execution, run)
  ) WITHOUT ROWID;

  ALTER TABLE steps RENAME TO steps_1;
  CREATE TABLE steps (
    execution INTEGER NOT NULL REFERENCES executions (number),
    run INTEGER NOT NULL,
    step INTEGER NOT NULL,
    phase TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (execution, run, step)
  ) WITHOUT ROWID;
  INSERT INTO steps SELECT execution, 0, step, phase, record FROM steps_1;
  DROP TABLE steps_1;

  ALTER TABLE events ADD COLUMN run INTEGER NOT NULL DEFAULT 0;
  DROP INDEX events_delivered;
  CREATE UNIQUE INDEX events_delivered ON events (execution, run, attempt, step, item) WHERE attempt IS NOT NULL;
  `,
  // Which ended first: what is kept for a time only is deleted in this order. Those on their way out are not asked for.
  `
  CREATE INDEX executions_by_end ON executions (ended_at) WHERE ended_at IS NOT NULL AND phase <> 'expired';
  `,
];

export const SCHEMA: Schema = { applicationId: APPLICATION_ID, migrations: MIGRATIONS };
