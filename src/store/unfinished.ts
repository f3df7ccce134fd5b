import { integer, json, jsonOrNull, text, textOrNull } from "@stigmer/agent-runner/sql-columns";
import type { SqlDriver } from "@stigmer/agent-runner/sql-driver";

/** Why an execution is being ended before its runners said so. */
export type Stopping = "cancelled" | "timed_out";

type Environment = { [name: string]: string };

/** An execution that has not ended, as the server takes it up again. */
export interface UnfinishedRow {
  execution: number;
  id: string;
  kind: "agent" | "workflow";
  limitMs: number;
  conversationId: string | null;
  /** How much of its time the execution has used, in milliseconds, as of the last write. */
  elapsedMs: number;
  stopping: Stopping | null;
  /** From `-e`: may hold secrets, and is deleted with the execution's end. */
  environment: Environment;
}

export interface Unfinished {
  /** All there are, oldest first: read once, when the server starts. */
  list(): UnfinishedRow[];
  setEnvironment(execution: number, environment: Environment): void;
  environment(execution: number): Environment;
  deleteEnvironment(execution: number): void;
  markStopping(execution: number, stopping: Stopping): void;
  saveElapsed(execution: number, elapsedMs: number): void;
}

export function createUnfinished(driver: SqlDriver): Unfinished {
  return {
    list: () =>
      driver
        .all(
          `SELECT number, id, kind, limit_ms, conversation_id, elapsed_ms, stopping, environment
           FROM executions LEFT JOIN environments ON execution = number
           WHERE phase IN ('queued', 'running') AND engine = 'embedded' ORDER BY number`,
        )
        .map((row) => ({
          execution: integer(row, "number"),
          id: text(row, "id"),
          kind: text(row, "kind") as UnfinishedRow["kind"],
          limitMs: integer(row, "limit_ms"),
          conversationId: textOrNull(row, "conversation_id"),
          elapsedMs: integer(row, "elapsed_ms"),
          stopping: textOrNull(row, "stopping") as Stopping | null,
          environment: (jsonOrNull(row, "environment") ?? {}) as Environment,
        })),
    setEnvironment: (execution, environment) => {
      driver.run(
        "INSERT INTO environments (execution, environment) VALUES (?, ?)",
        execution,
        JSON.stringify(environment),
      );
    },
    environment: (execution) => {
      const row = driver.get("SELECT environment FROM environments WHERE execution = ?", execution);
      return row === null ? {} : (json(row, "environment") as Environment);
    },
    deleteEnvironment: (execution) => {
      driver.run("DELETE FROM environments WHERE execution = ?", execution);
    },
    markStopping: (execution, stopping) => {
      driver.run("UPDATE executions SET stopping = ? WHERE number = ?", stopping, execution);
    },
    saveElapsed: (execution, elapsedMs) => {
      driver.run("UPDATE executions SET elapsed_ms = ? WHERE number = ?", elapsedMs, execution);
    },
  };
}
