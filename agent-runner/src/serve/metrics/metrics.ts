import type { JobObserver } from "../jobs/job-observer.ts";
import type { JobStatus } from "../store/jobs-table.ts";
import { createHistogram } from "./histogram.ts";

export interface Metrics {
  observer: JobObserver;
  answered(request: { method: string; path: string; status: number; ms: number }): void;
  /** The text format of Prometheus. */
  render(jobs: Record<JobStatus, number>): string;
}

/** Counts since the start of the server; the states of jobs are those of all that are kept. */
export function createMetrics(): Metrics {
  const requests = new Map<string, number>();
  const tokens = { input: 0, output: 0 };
  const requestSeconds = createHistogram("stigmer_http_request_duration_seconds", "Time to the end of an answer.");
  const jobSeconds = createHistogram("stigmer_job_duration_seconds", "Time that ended jobs ran.");
  const nodeSeconds = createHistogram("stigmer_node_duration_seconds", "Time that runs of nodes took.");
  /** By number of the job, then of the run. */
  const runStarts = new Map<number, Map<number, number>>();

  return {
    observer: {
      jobEnded(job, { status, elapsedMs }) {
        runStarts.delete(job.number);
        jobSeconds.observe(`status="${status}"`, elapsedMs / 1000);
      },
      runStarted(job, { run }, at) {
        const ofJob = runStarts.get(job.number) ?? new Map();
        runStarts.set(job.number, ofJob.set(run, at));
      },
      runEnded(job, { run, node }, { at }) {
        const startedAt = runStarts.get(job.number)?.get(run);
        if (startedAt !== undefined) nodeSeconds.observe(`node="${escapeLabel(node)}"`, (at - startedAt) / 1000);
      },
      stepFinished(_, __, { record }) {
        if (record.kind !== "model") return;
        tokens.input += record.tokens.input;
        tokens.output += record.tokens.output;
      },
    },
    answered({ method, path, status, ms }) {
      const labels = `method="${escapeLabel(method)}",path="${escapeLabel(path)}"`;
      const counted = `${labels},status="${status}"`;
      requests.set(counted, (requests.get(counted) ?? 0) + 1);
      requestSeconds.observe(labels, ms / 1000);
    },
    render: (jobs) =>
      [
        "# HELP stigmer_http_requests_total Answered requests.",
        "# TYPE stigmer_http_requests_total counter",
        ...[...requests].map(([labels, count]) => `stigmer_http_requests_total{${labels}} ${count}`),
        ...requestSeconds.render(),
        "# HELP stigmer_jobs Jobs that are kept, by state.",
        "# TYPE stigmer_jobs gauge",
        ...Object.entries(jobs).map(([state, count]) => `stigmer_jobs{state="${state}"} ${count}`),
        ...jobSeconds.render(),
        ...nodeSeconds.render(),
        "# HELP stigmer_model_tokens_total Tokens that models read and wrote.",
        "# TYPE stigmer_model_tokens_total counter",
        `stigmer_model_tokens_total{direction="input"} ${tokens.input}`,
        `stigmer_model_tokens_total{direction="output"} ${tokens.output}`,
        "",
      ].join("\n"),
  };
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
