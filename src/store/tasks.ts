import type { QueueName } from "@stigmer/agent-runner/protocol";
import { integer, text, textOrNull } from "./columns.ts";
import type { Row, StoreDriver } from "./driver.ts";

/** A unit of work of an unfinished execution: what a runner leases. It is deleted when it is done. */
export interface TaskRow {
  /** Its place in the order of creation, which is the order of the queue. */
  number: number;
  execution: number;
  /** 0 for the execution's own task, an agent or the next turn of a workflow; else the node run that it does. */
  run: number;
  queue: QueueName;
  /** Leases given so far. */
  attempt: number;
  /** Leases that ended because their runner died or fell silent. */
  deaths: number;
  /** Of a turn: a node run ended while it was leased, so that another turn has to come after it. */
  isStale: boolean;
  lease: { id: string; runnerSession: string } | null;
}

export interface Tasks {
  /** Returns its number. */
  insert(task: Pick<TaskRow, "execution" | "run" | "queue">): number;
  /** All there are, oldest first: read once, when the server starts. */
  list(): TaskRow[];
  lease(number: number, lease: { id: string; runnerSession: string; attempt: number }): void;
  release(number: number, state: { attempt: number; deaths: number }): void;
  markStale(number: number): void;
  delete(number: number): void;
  deleteAll(execution: number): void;
}

export function createTasks(driver: StoreDriver): Tasks {
  return {
    insert: ({ execution, run, queue }) => {
      const row = driver.get(
        "INSERT INTO tasks (execution, run, queue) VALUES (?, ?, ?) RETURNING number",
        execution,
        run,
        queue,
      );
      if (row === null) throw new Error("an inserted task has no number");
      return integer(row, "number");
    },
    list: () => driver.all("SELECT * FROM tasks ORDER BY number").map(toTask),
    lease: (number, { id, runnerSession, attempt }) => {
      driver.run(
        "UPDATE tasks SET lease_id = ?, runner_session = ?, attempt = ? WHERE number = ?",
        id,
        runnerSession,
        attempt,
        number,
      );
    },
    release: (number, { attempt, deaths }) => {
      driver.run(
        "UPDATE tasks SET lease_id = NULL, runner_session = NULL, attempt = ?, deaths = ? WHERE number = ?",
        attempt,
        deaths,
        number,
      );
    },
    markStale: (number) => {
      driver.run("UPDATE tasks SET is_stale = 1 WHERE number = ?", number);
    },
    delete: (number) => {
      driver.run("DELETE FROM tasks WHERE number = ?", number);
    },
    deleteAll: (execution) => {
      driver.run("DELETE FROM tasks WHERE execution = ?", execution);
    },
  };
}

function toTask(row: Row): TaskRow {
  const leaseId = textOrNull(row, "lease_id");
  return {
    number: integer(row, "number"),
    execution: integer(row, "execution"),
    run: integer(row, "run"),
    queue: text(row, "queue") as QueueName,
    attempt: integer(row, "attempt"),
    deaths: integer(row, "deaths"),
    isStale: integer(row, "is_stale") !== 0,
    lease: leaseId === null ? null : { id: leaseId, runnerSession: text(row, "runner_session") },
  };
}
