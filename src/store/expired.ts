import { integer } from "@stigmer/agent-runner/sql-columns";
import type { SqlDriver } from "@stigmer/agent-runner/sql-driver";

/**
 * Executions that are kept no longer. One at a time goes out of sight, whole and at once; then its rows are deleted, a
 * few at a time, and what a death of the process leaves of it is found again.
 */
export interface Expired {
  /**
   * One that is out of sight and not gone yet; else the one that ended first is taken out of sight, when that was
   * before `endedBefore`. Null when there is none.
   */
  next(endedBefore: string): number | null;
  /** Deletes up to `limit` of its rows. False once nothing is left of it. */
  deleteRows(execution: number, limit: number): boolean;
}

/** What belongs to an execution that ended, and the rest of each table's key. Its tasks and variables went with its end. */
const BELONGINGS = [
  ["events", "seq"],
  ["steps", "run, step"],
  ["node_runs", "run"],
] as const;

export function createExpired(driver: SqlDriver): Expired {
  return {
    next: (endedBefore) => {
      const row =
        driver.get("SELECT number FROM executions WHERE phase = 'expired' LIMIT 1") ??
        driver.get(
          `UPDATE executions SET phase = 'expired'
           WHERE number = (
             SELECT number FROM executions WHERE ended_at < ? AND phase <> 'expired' ORDER BY ended_at LIMIT 1
           )
           RETURNING number`,
          endedBefore,
        );
      return row === null ? null : integer(row, "number");
    },
    deleteRows: (execution, limit) => {
      for (const [table, key] of BELONGINGS) {
        const deleted = driver.run(
          `DELETE FROM ${table} WHERE (execution, ${key}) IN
             (SELECT execution, ${key} FROM ${table} WHERE execution = ? LIMIT ?)`,
          execution,
          limit,
        );
        if (deleted > 0) return true;
      }
      driver.run("DELETE FROM executions WHERE number = ?", execution);
      return false;
    },
  };
}
