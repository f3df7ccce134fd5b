import { JOB_STATUSES, type JobStatus, type JobsTable } from "../store/jobs-table.ts";

/** How many jobs there are of each state, without asking the database every time. */
export class JobCounts {
  readonly #table: Pick<JobsTable, "counts">;
  #counts: Map<JobStatus, number>;

  constructor(table: Pick<JobsTable, "counts">) {
    this.#table = table;
    this.#counts = table.counts();
  }

  /** What was counted may not have been written. */
  reload(): void {
    this.#counts = this.#table.counts();
  }

  add(status: JobStatus, change: 1 | -1): void {
    this.#counts.set(status, (this.#counts.get(status) ?? 0) + change);
  }

  move(from: JobStatus, to: JobStatus): void {
    if (from === to) return;
    this.add(from, -1);
    this.add(to, 1);
  }

  all(): Record<JobStatus, number> {
    const of = (status: JobStatus): [JobStatus, number] => [status, this.#counts.get(status) ?? 0];
    // Every status is in the list.
    return Object.fromEntries(JOB_STATUSES.map(of)) as Record<JobStatus, number>;
  }
}
