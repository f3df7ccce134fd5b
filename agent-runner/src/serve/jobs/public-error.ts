import type { JobError } from "../store/jobs-table.ts";

/**
 * What a client is told of a failure: its code and where, never the words of a model or of its service, which may
 * hold anything. Those are in the log, beside the job's id.
 */
export function publicError(code: string, node: string | null): JobError {
  const where = node === null ? "" : ` at the node ${JSON.stringify(node)}`;
  return { code, message: `${SENTENCES[code] ?? "The job failed"}${where}; the server's log has the details` };
}

/** The reason of a `step.retried`, for the same reason. */
export const PUBLIC_RETRY_REASON = "the attempt failed; the server's log has the details";

const SENTENCES: Record<string, string> = {
  LLM_UNAVAILABLE: "The model could not be used",
  EXECUTION_TIMED_OUT: "The job took longer than the workflow allows",
  INTERNAL: "The job failed by a mistake of this server",
};
