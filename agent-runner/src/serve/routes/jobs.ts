import { HttpFailure } from "../http/http-failure.ts";
import type { Route } from "../http/route.ts";
import type { Deployment } from "./deployment.ts";
import { findJob, jobDocument, jobSummary } from "./job-document.ts";
import { CANCEL_OPERATION, JOBS_OPERATION, STATUS_OPERATION } from "./operations.ts";

const USUAL_LIMIT = 50;
const MAX_LIMIT = 200;

/** How long an answer waits for the end of the job that it cancels, in milliseconds. */
const CANCEL_WAIT_MS = 1_000;

export function statusRoute({ store }: Deployment): Route {
  return {
    method: "GET",
    path: "/status/{id}",
    isOpen: false,
    operation: STATUS_OPERATION,
    handle: ({ params }) => ({ status: 200, json: jobDocument(findJob(store, params["id"])) }),
  };
}

export function jobsRoute({ store }: Deployment): Route {
  return {
    method: "GET",
    path: "/jobs",
    isOpen: false,
    operation: JOBS_OPERATION,
    handle: ({ query }) => {
      const limit = readLimit(query.get("limit"));
      const jobs = store.jobs.page(readCursor(query.get("cursor")), limit + 1);
      const shown = jobs.slice(0, limit);
      const next = jobs.length > limit ? shown.at(-1) : undefined;
      return {
        status: 200,
        json: { jobs: shown.map(jobSummary), next_cursor: next === undefined ? null : String(next.number) },
      };
    },
  };
}

export function cancelRoute({ store, queue }: Deployment): Route {
  return {
    method: "DELETE",
    path: "/jobs/{id}",
    isOpen: false,
    operation: CANCEL_OPERATION,
    handle: async ({ params }) => {
      const job = findJob(store, params["id"]);
      if (job.completedAt !== null) {
        throw new HttpFailure(409, "job_ended", `the job is ${job.status} already`, { jobId: job.id });
      }
      const ended = queue.ended(job.id, AbortSignal.timeout(CANCEL_WAIT_MS));
      queue.cancel(job);
      await Promise.all([ended, store.flush()]);
      return { status: 202, json: jobDocument(findJob(store, job.id)) };
    },
  };
}

function readLimit(text: string | null): number {
  const limit = Number(text ?? USUAL_LIMIT);
  if (text !== "" && Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new HttpFailure(400, "bad_request", `limit is a whole number from 1 to ${MAX_LIMIT}`);
}

function readCursor(text: string | null): number | null {
  if (text === null) return null;
  const cursor = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(cursor)) return cursor;
  throw new HttpFailure(400, "bad_request", "cursor is the next_cursor of an earlier answer");
}
