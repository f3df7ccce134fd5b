import type { AgentTask, StepRecord, TokenUsage } from "../protocol/messages.ts";
import { integer, json, text } from "./columns.ts";
import type { Row, SqlDriver } from "./driver.ts";

export type StoredStep = AgentTask["steps"][number];

/** What an execution's steps began with and ended in: from here it goes on after a crash. */
export interface Steps {
  /** A finished step stays as it is, whatever comes late. `run` is that of the node run, 0 where an execution is one task. */
  record(execution: number, run: number, step: StoredStep): void;
  /** Those of one task, by number. */
  list(execution: number, run: number): StoredStep[];
  /** Those of all its tasks, by run and number. */
  listAll(execution: number): (StoredStep & { run: number })[];
  /** What its model calls used together. */
  tokens(execution: number): TokenUsage;
}

export function createSteps(driver: SqlDriver): Steps {
  return {
    record: (execution, run, { step, phase, record }) => {
      driver.run(
        `INSERT INTO steps (execution, run, step, phase, record) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (execution, run, step) DO UPDATE SET phase = excluded.phase, record = excluded.record
         WHERE phase = 'started'`,
        execution,
        run,
        step,
        phase,
        JSON.stringify(record),
      );
    },
    list: (execution, run) =>
      driver
        .all("SELECT step, phase, record FROM steps WHERE execution = ? AND run = ? ORDER BY step", execution, run)
        .map(toStep),
    listAll: (execution) =>
      driver
        .all("SELECT run, step, phase, record FROM steps WHERE execution = ? ORDER BY run, step", execution)
        .map((row) => ({ run: integer(row, "run"), ...toStep(row) })),
    tokens: (execution) => {
      // Summed by SQLite: the records of a long execution are megabytes of tool output.
      const row = driver.get(
        `SELECT TOTAL(record ->> '$.tokens.input') AS input, TOTAL(record ->> '$.tokens.output') AS output
         FROM steps WHERE execution = ?`,
        execution,
      );
      return row === null ? { input: 0, output: 0 } : { input: integer(row, "input"), output: integer(row, "output") };
    },
  };
}

function toStep(row: Row): StoredStep {
  return {
    step: integer(row, "step"),
    phase: text(row, "phase") as StoredStep["phase"],
    record: json(row, "record") as StepRecord,
  };
}
