import { integer, integerOrNull, json, jsonOrNull, text, textOrNull } from "../../event-log/columns.ts";
import type { Row, SqlDriver } from "../../event-log/driver.ts";
import type { Json } from "../../protocol/messages.ts";

export type EndedStatus = "completed" | "failed" | "cancelled";
export type JobStatus = "pending" | "running" | EndedStatus;

export const JOB_STATUSES: readonly JobStatus[] = ["pending", "running", "completed", "failed", "cancelled"];

/** What clients are told of a failure; the details are in the log. */
export interface JobError {
  code: string;
  message: string;
}

export interface Job {
  number: number;
  id: string;
  status: JobStatus;
  /** Somebody asked for it to be cancelled; it may be running still. */
  isCancelAsked: boolean;
  /** Milliseconds since the epoch, as all times here. */
  createdAt: number;
  startedAt: number | null;
  completedAt: number | null;
  /** How long it ran so far; the time between two lives of the server does not count. */
  elapsedMs: number;
  idempotencyKey: string | null;
  /** Of the request's body: the same key with another body is a mistake of the client. */
  bodyDigest: string;
  /** The digest of the workflow that it began with. */
  workflow: string;
  error: JobError | null;
}

export interface JobWithValues extends Job {
  input: { [field: string]: Json };
  /** The final state of a completed one. */
  output: Json;
}

export interface NewJob {
  id: string;
  createdAt: number;
  idempotencyKey: string | null;
  bodyDigest: string;
  workflow: string;
  input: { [field: string]: Json };
}

export interface JobsTable {
  /** As `pending`. @returns its number. */
  insert(job: NewJob): number;
  get(id: string): JobWithValues | null;
  byIdempotencyKey(key: string): Job | null;
  /** The unfinished ones: first those that ran, then those that waited, each in the order of their creation. */
  unfinished(): Job[];
  /** Up to `limit` jobs below number `before` (null: from the newest), newest first. */
  page(before: number | null, limit: number): Job[];
  counts(): Map<JobStatus, number>;
  markRunning(number: number, at: number): void;
  markCancelAsked(number: number): void;
  noteElapsed(number: number, elapsedMs: number): void;
  end(number: number, ending: Ending): void;
  /** Up to `limit` jobs that ended before `time`. */
  endedBefore(time: number, limit: number): Pick<Job, "number" | "status">[];
  /** With all that happened in it. */
  delete(number: number): void;
}

export interface Ending {
  status: EndedStatus;
  at: number;
  elapsedMs: number;
  output: Json;
  error: JobError | null;
}

const COLUMNS =
  "number, id, status, cancel_asked, created_at, started_at, completed_at, elapsed_ms, idempotency_key, body_digest, workflow, error";

export function createJobsTable(sqlite: SqlDriver): JobsTable {
  return {
    insert({ id, createdAt, idempotencyKey, bodyDigest, workflow, input }) {
      const row = sqlite.get(
        `INSERT INTO jobs (id, status, created_at, idempotency_key, body_digest, workflow, input)
         VALUES (?, 'pending', ?, ?, ?, ?, ?) RETURNING number`,
        id,
        createdAt,
        idempotencyKey,
        bodyDigest,
        workflow,
        JSON.stringify(input),
      );
      if (row === null) throw new Error("the new job has no number");
      return integer(row, "number");
    },
    get(id) {
      const row = sqlite.get(`SELECT ${COLUMNS}, input, output FROM jobs WHERE id = ?`, id);
      if (row === null) return null;
      return {
        ...toJob(row),
        input: json(row, "input") as JobWithValues["input"],
        output: jsonOrNull(row, "output"),
      };
    },
    byIdempotencyKey(key) {
      const row = sqlite.get(`SELECT ${COLUMNS} FROM jobs WHERE idempotency_key = ?`, key);
      return row === null ? null : toJob(row);
    },
    unfinished: () =>
      // "running" sorts after "pending".
      sqlite
        .all(`SELECT ${COLUMNS} FROM jobs WHERE status IN ('pending', 'running') ORDER BY status DESC, number`)
        .map(toJob),
    page: (before, limit) =>
      sqlite
        .all(
          `SELECT ${COLUMNS} FROM jobs WHERE number < ? ORDER BY number DESC LIMIT ?`,
          before ?? Number.MAX_SAFE_INTEGER,
          limit,
        )
        .map(toJob),
    counts: () =>
      new Map(
        sqlite
          .all("SELECT status, COUNT(*) AS count FROM jobs GROUP BY status")
          .map((row) => [text(row, "status") as JobStatus, integer(row, "count")]),
      ),
    markRunning: (number, at) => {
      sqlite.run(
        "UPDATE jobs SET status = 'running', started_at = COALESCE(started_at, ?) WHERE number = ?",
        at,
        number,
      );
    },
    markCancelAsked: (number) => {
      sqlite.run("UPDATE jobs SET cancel_asked = 1 WHERE number = ?", number);
    },
    noteElapsed: (number, elapsedMs) => {
      sqlite.run("UPDATE jobs SET elapsed_ms = ? WHERE number = ?", elapsedMs, number);
    },
    end(number, { status, at, elapsedMs, output, error }) {
      sqlite.run(
        `UPDATE jobs SET status = ?, completed_at = ?, elapsed_ms = ?, output = ?, error = ?
         WHERE number = ? AND completed_at IS NULL`,
        status,
        at,
        elapsedMs,
        output === null ? null : JSON.stringify(output),
        error === null ? null : JSON.stringify(error),
        number,
      );
    },
    endedBefore: (time, limit) =>
      sqlite
        .all("SELECT number, status FROM jobs WHERE completed_at < ? ORDER BY completed_at LIMIT ?", time, limit)
        .map((row) => ({ number: integer(row, "number"), status: text(row, "status") as JobStatus })),
    delete: (number) => {
      for (const table of ["events", "steps", "runs"]) sqlite.run(`DELETE FROM ${table} WHERE execution = ?`, number);
      sqlite.run("DELETE FROM jobs WHERE number = ?", number);
    },
  };
}

function toJob(row: Row): Job {
  return {
    number: integer(row, "number"),
    id: text(row, "id"),
    status: text(row, "status") as JobStatus,
    isCancelAsked: integer(row, "cancel_asked") === 1,
    createdAt: integer(row, "created_at"),
    startedAt: integerOrNull(row, "started_at"),
    completedAt: integerOrNull(row, "completed_at"),
    elapsedMs: integer(row, "elapsed_ms"),
    idempotencyKey: textOrNull(row, "idempotency_key"),
    bodyDigest: text(row, "body_digest"),
    workflow: text(row, "workflow"),
    error: jsonOrNull(row, "error") as JobError | null,
  };
}
