import type { EventType, ExecutionEvent, Json, NodeRun, NodeTask, StepRecord } from "../../protocol/messages.ts";
import { integer, json, jsonOrNull, text } from "./columns.ts";
import type { Row, Sqlite } from "./sqlite.ts";

export interface NewEvent {
  type: EventType;
  /** RFC 3339 with milliseconds. */
  time: string;
  data: { [key: string]: Json };
}

/** A run of a node, with the state that it began with and how often it was begun. */
export interface KeptRun extends NodeRun {
  state: { [field: string]: Json };
  attempt: number;
}

export type KeptStep = NodeTask["steps"][number];

/** What happened in a job: its node runs, their steps, and the events that clients read. */
export interface JobLog {
  runs(job: number): KeptRun[];
  /** A run that is there stays as it is. */
  addRun(job: number, run: KeptRun): void;
  setAttempt(job: number, run: number, attempt: number): void;
  endRun(job: number, run: Pick<NodeRun, "run" | "phase" | "output" | "error">): void;
  steps(job: number, run: number): KeptStep[];
  /** How many model calls finished in the runs of this node before this one. */
  modelCalls(job: number, run: Pick<NodeRun, "run" | "node">): number;
  /** A finished step stays as it is. */
  recordStep(job: number, run: number, step: KeptStep): void;
  lastSeq(job: number): number;
  /** Appends in order after number `lastSeq`, which must be the last. @returns the number of the last one then. */
  append(job: number, lastSeq: number, events: readonly NewEvent[]): number;
  /** Up to `limit` events after number `afterSeq`. */
  page(job: { number: number; id: string }, afterSeq: number, limit: number): ExecutionEvent[];
  delete(job: number): void;
}

export function createJobLog(sqlite: Sqlite): JobLog {
  return {
    runs: (job) =>
      sqlite
        .all(
          "SELECT run, node, iteration, phase, attempt, error, state, output FROM runs WHERE job = ? ORDER BY run",
          job,
        )
        .map(toRun),
    addRun: (job, { run, node, iteration, phase, attempt, state }) => {
      sqlite.run(
        `INSERT INTO runs (job, run, node, iteration, phase, attempt, state) VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (job, run) DO NOTHING`,
        job,
        run,
        node,
        iteration,
        phase,
        attempt,
        JSON.stringify(state),
      );
    },
    setAttempt: (job, run, attempt) => {
      sqlite.run("UPDATE runs SET attempt = ? WHERE job = ? AND run = ?", attempt, job, run);
    },
    endRun: (job, { run, phase, output, error }) => {
      sqlite.run(
        "UPDATE runs SET phase = ?, output = ?, error = ? WHERE job = ? AND run = ? AND phase = 'open'",
        phase,
        output === null ? null : JSON.stringify(output),
        error === null ? null : JSON.stringify(error),
        job,
        run,
      );
    },
    steps: (job, run) =>
      sqlite.all("SELECT step, phase, record FROM steps WHERE job = ? AND run = ? ORDER BY step", job, run).map(toStep),
    modelCalls: (job, { run, node }) => {
      const row = sqlite.get(
        `SELECT COUNT(*) AS count FROM runs JOIN steps USING (job, run)
         WHERE job = ? AND run < ? AND node = ? AND steps.phase = 'finished' AND record ->> '$.kind' = 'model'`,
        job,
        run,
        node,
      );
      return row === null ? 0 : integer(row, "count");
    },
    recordStep: (job, run, { step, phase, record }) => {
      sqlite.run(
        `INSERT INTO steps (job, run, step, phase, record) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (job, run, step) DO UPDATE SET phase = excluded.phase, record = excluded.record
         WHERE phase = 'started'`,
        job,
        run,
        step,
        phase,
        JSON.stringify(record),
      );
    },
    lastSeq: (job) => {
      const row = sqlite.get("SELECT COALESCE(MAX(seq), 0) AS last FROM events WHERE job = ?", job);
      return row === null ? 0 : integer(row, "last");
    },
    append(job, lastSeq, events) {
      let seq = lastSeq;
      for (const { type, time, data } of events) {
        seq += 1;
        sqlite.run(
          "INSERT INTO events (job, seq, type, time, data) VALUES (?, ?, ?, ?, ?)",
          job,
          seq,
          type,
          time,
          JSON.stringify(data),
        );
      }
      return seq;
    },
    page: ({ number, id }, afterSeq, limit) =>
      sqlite
        .all(
          "SELECT seq, type, time, data FROM events WHERE job = ? AND seq > ? ORDER BY seq LIMIT ?",
          number,
          afterSeq,
          limit,
        )
        .map((row) => toEvent(row, id)),
    delete(job) {
      for (const table of ["events", "steps", "runs"]) sqlite.run(`DELETE FROM ${table} WHERE job = ?`, job);
    },
  };
}

function toRun(row: Row): KeptRun {
  return {
    run: integer(row, "run"),
    node: text(row, "node"),
    iteration: integer(row, "iteration"),
    phase: text(row, "phase") as NodeRun["phase"],
    attempt: integer(row, "attempt"),
    error: jsonOrNull(row, "error") as NodeRun["error"],
    state: json(row, "state") as KeptRun["state"],
    output: jsonOrNull(row, "output") as NodeRun["output"],
  };
}

function toStep(row: Row): KeptStep {
  return {
    step: integer(row, "step"),
    phase: text(row, "phase") as KeptStep["phase"],
    record: json(row, "record") as StepRecord,
  };
}

function toEvent(row: Row, executionId: string): ExecutionEvent {
  return {
    type: text(row, "type") as EventType,
    seq: integer(row, "seq"),
    time: text(row, "time"),
    executionId,
    data: json(row, "data") as ExecutionEvent["data"],
  };
}
