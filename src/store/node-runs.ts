import type { Json, NodeRun } from "@stigmer/agent-runner/protocol";
import { integer, json, jsonOrNull, text, textOrNull } from "@stigmer/agent-runner/sql-columns";
import type { Row, SqlDriver } from "@stigmer/agent-runner/sql-driver";

type Values = { [field: string]: Json };

/** A node run that was asked for. */
export interface NewNodeRun {
  run: number;
  node: string;
  iteration: number;
  /** As the interpreter had it when it asked. */
  state: Values;
}

/** One that its execution did not live to see the end of is `cancelled`. */
export interface NodeRunRow extends Omit<NodeRun, "phase"> {
  phase: NodeRun["phase"] | "cancelled";
  startedAt: string | null;
  endedAt: string | null;
}

export type NodeRunEnd = Pick<NodeRun, "output" | "error"> & { phase: "succeeded" | "failed"; endedAt: string };

/** The runs of a workflow's nodes, numbered by the interpreter in the order in which it asked for them. */
export interface NodeRuns {
  /** False, and nothing changes, when this run had been asked for before. */
  insert(execution: number, run: NewNodeRun): boolean;
  /** By number. */
  list(execution: number): NodeRunRow[];
  /** One that was asked for, with what it begins from. */
  get(execution: number, run: number): NewNodeRun;
  markStarted(execution: number, run: number, startedAt: string): void;
  end(execution: number, run: number, end: NodeRunEnd): void;
  hasOpen(execution: number): boolean;
  cancelOpen(execution: number, endedAt: string): void;
}

export function createNodeRuns(driver: SqlDriver): NodeRuns {
  return {
    insert: (execution, { run, node, iteration, state }) =>
      driver.run(
        `INSERT INTO node_runs (execution, run, node, iteration, phase, state) VALUES (?, ?, ?, ?, 'open', ?)
         ON CONFLICT DO NOTHING`,
        execution,
        run,
        JSON.stringify(node),
        iteration,
        JSON.stringify(state),
      ) > 0,
    list: (execution) =>
      driver
        .all(
          `SELECT run, node, iteration, phase, started_at, ended_at, error, output
           FROM node_runs WHERE execution = ? ORDER BY run`,
          execution,
        )
        .map(toRun),
    get: (execution, run) => {
      const row = driver.get(
        "SELECT node, iteration, state FROM node_runs WHERE execution = ? AND run = ?",
        execution,
        run,
      );
      if (row === null) throw new Error(`execution number ${execution} has no run ${run}`);
      return {
        run,
        node: String(json(row, "node")),
        iteration: integer(row, "iteration"),
        state: json(row, "state") as Values,
      };
    },
    markStarted: (execution, run, startedAt) => {
      driver.run("UPDATE node_runs SET started_at = ? WHERE execution = ? AND run = ?", startedAt, execution, run);
    },
    end: (execution, run, { phase, endedAt, output, error }) => {
      driver.run(
        "UPDATE node_runs SET phase = ?, ended_at = ?, output = ?, error = ? WHERE execution = ? AND run = ?",
        phase,
        endedAt,
        JSON.stringify(output),
        JSON.stringify(error),
        execution,
        run,
      );
    },
    hasOpen: (execution) =>
      driver.get("SELECT 1 FROM node_runs WHERE execution = ? AND phase = 'open' LIMIT 1", execution) !== null,
    cancelOpen: (execution, endedAt) => {
      driver.run(
        "UPDATE node_runs SET phase = 'cancelled', ended_at = ? WHERE execution = ? AND phase = 'open'",
        endedAt,
        execution,
      );
    },
  };
}

function toRun(row: Row): NodeRunRow {
  return {
    run: integer(row, "run"),
    node: String(json(row, "node")),
    iteration: integer(row, "iteration"),
    phase: text(row, "phase") as NodeRunRow["phase"],
    startedAt: textOrNull(row, "started_at"),
    endedAt: textOrNull(row, "ended_at"),
    output: jsonOrNull(row, "output") as NodeRun["output"],
    error: jsonOrNull(row, "error") as NodeRun["error"],
  };
}
