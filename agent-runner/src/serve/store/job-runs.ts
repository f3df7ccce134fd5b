import { integer, json, jsonOrNull, text } from "../../event-log/columns.ts";
import type { Row, SqlDriver } from "../../event-log/driver.ts";
import type { Json, NodeRun } from "../../protocol/messages.ts";

/** A run of a node, with the state that it began with and how often it was begun. */
export interface KeptRun extends NodeRun {
  state: { [field: string]: Json };
  attempt: number;
}

/** The runs of a job's nodes. */
export interface JobRuns {
  list(job: number): KeptRun[];
  /** A run that is there stays as it is. */
  add(job: number, run: KeptRun): void;
  setAttempt(job: number, run: number, attempt: number): void;
  end(job: number, run: Pick<NodeRun, "run" | "phase" | "output" | "error">): void;
  /** How many model calls finished in the runs of this node before this one. */
  modelCalls(job: number, run: Pick<NodeRun, "run" | "node">): number;
}

export function createJobRuns(sqlite: SqlDriver): JobRuns {
  return {
    list: (job) =>
      sqlite
        .all(
          "SELECT run, node, iteration, phase, attempt, error, state, output FROM runs WHERE execution = ? ORDER BY run",
          job,
        )
        .map(toRun),
    add: (job, { run, node, iteration, phase, attempt, state }) => {
      sqlite.run(
        `INSERT INTO runs (execution, run, node, iteration, phase, attempt, state) VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (execution, run) DO NOTHING`,
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
      sqlite.run("UPDATE runs SET attempt = ? WHERE execution = ? AND run = ?", attempt, job, run);
    },
    end: (job, { run, phase, output, error }) => {
      sqlite.run(
        "UPDATE runs SET phase = ?, output = ?, error = ? WHERE execution = ? AND run = ? AND phase = 'open'",
        phase,
        output === null ? null : JSON.stringify(output),
        error === null ? null : JSON.stringify(error),
        job,
        run,
      );
    },
    modelCalls: (job, { run, node }) => {
      const row = sqlite.get(
        `SELECT COUNT(*) AS count FROM runs JOIN steps USING (execution, run)
         WHERE execution = ? AND run < ? AND node = ? AND steps.phase = 'finished' AND record ->> '$.kind' = 'model'`,
        job,
        run,
        node,
      );
      return row === null ? 0 : integer(row, "count");
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
