import { integer, json, text, textOrNull } from "./columns.ts";
import type { StoreDriver } from "./driver.ts";

/** Why an execution is being ended before its runners said so. */
export type Stopping = "cancelled" | "timed_out";

type Environment = { [name: string]: string };

/** What is kept of an execution while it is unfinished, and is deleted with its end. */
export interface UnfinishedRow {
  execution: number;
  id: string;
  kind: "agent" | "workflow";
  limitMs: number;
  conversationId: string | null;
  /** How much of its time the execution has used, in milliseconds, as of the last write. */
  elapsedMs: number;
  stopping: Stopping | null;
  /** From `-e`: may hold secrets. */
  environment: Environment;
}

export interface Unfinished {
  insert(execution: number, environment: Environment): void;
  /** All there are, oldest first: read once, when the server starts. */
  list(): UnfinishedRow[];
  environment(execution: number): Environment;
  markStopping(execution: number, stopping: Stopping): void;
  saveElapsed(execution: number, elapsedMs: number): void;
  delete(execution: number): void;
}

export function createUnfinished(driver: StoreDriver): Unfinished {
  return {
    insert: (execution, environment) => {
      driver.run(
        "INSERT INTO unfinished (execution, environment) VALUES (?, ?)",
        execution,
        JSON.stringify(environment),
      );
    },
    list: () =>
      driver
        .all(
          `SELECT execution, id, kind, limit_ms, conversation_id, elapsed_ms, stopping, environment
           FROM unfinished JOIN executions ON number = execution ORDER BY execution`,
        )
        .map((row) => ({
          execution: integer(row, "execution"),
          id: text(row, "id"),
          kind: text(row, "kind") as UnfinishedRow["kind"],
          limitMs: integer(row, "limit_ms"),
          conversationId: textOrNull(row, "conversation_id"),
          elapsedMs: integer(row, "elapsed_ms"),
          stopping: textOrNull(row, "stopping") as Stopping | null,
          environment: json(row, "environment") as Environment,
        })),
    environment: (execution) => {
      const row = driver.get("SELECT environment FROM unfinished WHERE execution = ?", execution);
      return row === null ? {} : (json(row, "environment") as Environment);
    },
    markStopping: (execution, stopping) => {
      driver.run("UPDATE unfinished SET stopping = ? WHERE execution = ?", stopping, execution);
    },
    saveElapsed: (execution, elapsedMs) => {
      driver.run("UPDATE unfinished SET elapsed_ms = ? WHERE execution = ?", elapsedMs, execution);
    },
    delete: (execution) => {
      driver.run("DELETE FROM unfinished WHERE execution = ?", execution);
    },
  };
}
