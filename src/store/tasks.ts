import type { QueueName } from "@stigmer/agent-runner/protocol";
import { integer, json, text, textOrNull } from "./columns.ts";
import type { Row, StoreDriver } from "./driver.ts";

/** Why an execution is being ended before its runner said so. */
export type Stopping = "cancelled" | "timed_out";

/** The work of one unfinished execution. It is deleted with the execution's end, and its environment with it. */
export interface TaskRow {
  execution: number;
  queue: QueueName;
  /** Leases given so far. */
  attempt: number;
  /** Leases that ended because their runner died or fell silent. */
  deaths: number;
  /** How much of its time the execution has used, in milliseconds, as of the last write. */
  elapsedMs: number;
  stopping: Stopping | null;
  lease: { id: string; runnerSession: string } | null;
  /** From `-e`. */
  environment: { [name: string]: string };
}

export interface Tasks {
  insert(task: Pick<TaskRow, "execution" | "queue" | "environment">): void;
  /** All there are, oldest execution first: read once, when the server starts. */
  list(): TaskRow[];
  environment(execution: number): TaskRow["environment"];
  lease(execution: number, lease: { id: string; runnerSession: string; attempt: number }): void;
  release(execution: number, state: { attempt: number; deaths: number; elapsedMs: number }): void;
  markStopping(execution: number, stopping: Stopping): void;
  saveElapsed(execution: number, elapsedMs: number): void;
  delete(execution: number): void;
}

export function createTasks(driver: StoreDriver): Tasks {
  return {
    insert: ({ execution, queue, environment }) => {
      driver.run(
        "INSERT INTO tasks (execution, queue, environment) VALUES (?, ?, ?)",
        execution,
        queue,
        JSON.stringify(environment),
      );
    },
    list: () => driver.all("SELECT * FROM tasks ORDER BY execution").map(toTask),
    environment: (execution) => {
      const row = driver.get("SELECT environment FROM tasks WHERE execution = ?", execution);
      return row === null ? {} : toEnvironment(row);
    },
    lease: (execution, { id, runnerSession, attempt }) => {
      driver.run(
        "UPDATE tasks SET lease_id = ?, runner_session = ?, attempt = ? WHERE execution = ?",
        id,
        runnerSession,
        attempt,
        execution,
      );
    },
    release: (execution, { attempt, deaths, elapsedMs }) => {
      driver.run(
        `UPDATE tasks SET lease_id = NULL, runner_session = NULL, attempt = ?, deaths = ?, elapsed_ms = ?
         WHERE execution = ?`,
        attempt,
        deaths,
        elapsedMs,
        execution,
      );
    },
    markStopping: (execution, stopping) => {
      driver.run("UPDATE tasks SET stopping = ? WHERE execution = ?", stopping, execution);
    },
    saveElapsed: (execution, elapsedMs) => {
      driver.run("UPDATE tasks SET elapsed_ms = ? WHERE execution = ?", elapsedMs, execution);
    },
    delete: (execution) => {
      driver.run("DELETE FROM tasks WHERE execution = ?", execution);
    },
  };
}

function toTask(row: Row): TaskRow {
  const leaseId = textOrNull(row, "lease_id");
  return {
    execution: integer(row, "execution"),
    queue: text(row, "queue") as QueueName,
    attempt: integer(row, "attempt"),
    deaths: integer(row, "deaths"),
    elapsedMs: integer(row, "elapsed_ms"),
    stopping: textOrNull(row, "stopping") as Stopping | null,
    lease: leaseId === null ? null : { id: leaseId, runnerSession: text(row, "runner_session") },
    environment: toEnvironment(row),
  };
}

function toEnvironment(row: Row): TaskRow["environment"] {
  return json(row, "environment") as TaskRow["environment"];
}
