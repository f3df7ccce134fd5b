import type { Json } from "../../protocol/messages.ts";
import { HttpFailure } from "../http/http-failure.ts";
import type { Job, JobWithValues } from "../store/jobs-table.ts";
import type { Store } from "../store/open-store.ts";

/** A job as lists show it. */
export function jobSummary(job: Job): { [key: string]: Json } {
  return {
    job_id: job.id,
    status: job.status,
    created_at: timeText(job.createdAt),
    started_at: timeText(job.startedAt),
    completed_at: timeText(job.completedAt),
    error: job.error === null ? null : { ...job.error },
  };
}

/** A job as `GET /status/{id}` shows it. */
export function jobDocument(job: JobWithValues): { [key: string]: Json } {
  const { error, ...summary } = jobSummary(job);
  return { ...summary, outputs: job.output, error: error ?? null };
}

/** @throws HttpFailure 404 */
export function findJob(store: Store, id: string | undefined): JobWithValues {
  const job = store.jobs.get(id ?? "");
  if (job === null) throw new HttpFailure(404, "not_found", "there is no job with this id; it may have expired");
  return job;
}

function timeText(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
