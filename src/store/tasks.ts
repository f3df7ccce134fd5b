import type { QueueName } from "@stigmer/agent-runner/protocol";
import { integer, integerOrNull, text, textOrNull } from "@stigmer/agent-runner/sql-columns";
import type { Row, SqlDriver } from "@stigmer/agent-runner/sql-driver";

export interface TaskKey {
  execution: number;
  /** 0 for the execution's own task, an agent or the next turn of a workflow; else the node run that it does. */
  run: number;
}

/** A unit of work of an unfinished execution: what a runner leases. It is deleted when it is done. */
export interface TaskRow extends TaskKey {
  /** Its place in the order of creation, which is the order of the queue. */
  number: number;
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
  lease(task: TaskKey, lease: { id: string; runnerSession: string; attempt: number }): void;
  release(task: TaskKey, state: { attempt: number; deaths: number }): void;
  markStale(task: TaskKey): void;
  delete(task: TaskKey): void;
  deleteAll(execution: number): void;
}

export function createTasks(driver: SqlDriver): Tasks {
  let lastNumber: number | null = null;
  const nextNumber = (): number => {
    lastNumber ??= integerOrNull(driver.get("SELECT MAX(number) AS last FROM tasks") ?? {}, "last") ?? 0;
    lastNumber += 1;
    return lastNumber;
  };
  return {
    insert: ({ execution, run, queue }) => {
      const number = nextNumber();
      driver.run(
        "INSERT INTO tasks (execution, run, number, queue) VALUES (?, ?, ?, ?)",
        execution,
        run,
        number,
        queue,
      );
      return number;
    },
    list: () => driver.all("SELECT * FROM tasks ORDER BY number").map(toTask),
    lease: ({ execution, run }, { id, runnerSession, attempt }) => {
      driver.run(
        "UPDATE tasks SET lease_id = ?, runner_session = ?, attempt = ? WHERE execution = ? AND run = ?",
        id,
        runnerSession,
        attempt,
        execution,
        run,
      );
    },
    release: ({ execution, run }, { attempt, deaths }) => {
      driver.run(
        `UPDATE tasks SET lease_id = NULL, runner_session = NULL, attempt = ?, deaths = ?
         WHERE execution = ? AND run = ?`,
        attempt,
        deaths,
        execution,
        run,
      );
    },
    markStale: ({ execution, run }) => {
      driver.run("UPDATE tasks SET is_stale = 1 WHERE execution = ? AND run = ?", execution, run);
    },
    delete: ({ execution, run }) => {
      driver.run("DELETE FROM tasks WHERE execution = ? AND run = ?", execution, run);
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
