import type { AgentTask, StepRecord, TokenUsage } from "@stigmer/agent-runner/protocol";
import { integer, json, text } from "./columns.ts";
import type { StoreDriver } from "./driver.ts";

export type StoredStep = AgentTask["steps"][number];

/** What an execution's steps began with and ended in: from here it goes on after a crash. */
export interface Steps {
  /** A finished step stays as it is, whatever comes late. */
  record(execution: number, step: StoredStep): void;
  /** By number. */
  list(execution: number): StoredStep[];
  /** What its model calls used together. */
  tokens(execution: number): TokenUsage;
}

export function createSteps(driver: StoreDriver): Steps {
  return {
    record: (execution, { step, phase, record }) => {
      driver.run(
        `INSERT INTO steps (execution, step, phase, record) VALUES (?, ?, ?, ?)
         ON CONFLICT (execution, step) DO UPDATE SET phase = excluded.phase, record = excluded.record
         WHERE phase = 'started'`,
        execution,
        step,
        phase,
        JSON.stringify(record),
      );
    },
    list: (execution) =>
      driver.all("SELECT step, phase, record FROM steps WHERE execution = ? ORDER BY step", execution).map((row) => ({
        step: integer(row, "step"),
        phase: text(row, "phase") as StoredStep["phase"],
        record: json(row, "record") as StepRecord,
      })),
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
