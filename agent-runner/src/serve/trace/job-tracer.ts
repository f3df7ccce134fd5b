import { createHash } from "node:crypto";
import type { StepRecord } from "../../protocol/messages.ts";
import type { JobObserver } from "../jobs/job-observer.ts";
import type { KeptRun } from "../store/job-runs.ts";
import type { Job } from "../store/jobs-table.ts";
import type { Attributes, Span } from "./span.ts";

export interface TracerOptions {
  /** Of the workflow. */
  name: string;
  includesContent: boolean;
  describeRun: (job: Job, run: KeptRun) => RunDescription;
  emit: (span: Span) => void;
}

export interface RunDescription {
  provider: string;
  model: string | null;
  prompt: string;
}

interface OpenSpan {
  startedAt: number;
  attributes: Attributes;
}

interface OpenRun extends OpenSpan {
  run: KeptRun;
  description: RunDescription;
  steps: Map<number, OpenSpan>;
}

/**
 * Each job is one trace: a span for the job, in it one for every run of a node, in these the model and tool calls. Ids
 * follow from the job's own, so that what is told after a crash joins what was told before it.
 */
export function createJobTracer(options: TracerOptions): JobObserver {
  const { name, includesContent, describeRun, emit } = options;
  /** By number of the job, then of the run. */
  const open = new Map<number, Map<number, OpenRun>>();

  const emitRun = (job: Job, { run, startedAt, attributes }: OpenRun, endedAt: number, error: string | null): void =>
    emit({
      ...ids(job, ["job"], ["run", run.run, run.attempt]),
      name: `node ${run.node}`,
      kind: "internal",
      startedAt,
      endedAt,
      attributes,
      error,
    });

  return {
    runStarted(job, run, at) {
      const description = describeRun(job, run);
      const attributes: Attributes = {
        "stigmer.node": run.node,
        "stigmer.run": run.run,
        "stigmer.iteration": run.iteration,
        ...(includesContent ? { "stigmer.prompt": description.prompt } : {}),
      };
      const ofJob = open.get(job.number) ?? new Map<number, OpenRun>();
      open.set(job.number, ofJob.set(run.run, { run, description, startedAt: at, attributes, steps: new Map() }));
    },
    stepStarted(job, run, { step, at }) {
      open.get(job.number)?.get(run.run)?.steps.set(step, { startedAt: at, attributes: {} });
    },
    stepFinished(job, run, { step, record, at }) {
      const opened = open.get(job.number)?.get(run.run);
      if (opened === undefined) return;
      emit({
        ...ids(job, ["run", run.run, opened.run.attempt], ["step", run.run, step]),
        ...describeStep(record, opened.description, includesContent),
        startedAt: opened.steps.get(step)?.startedAt ?? at,
        endedAt: at,
      });
      opened.steps.delete(step);
    },
    runEnded(job, { run }, { at, code }) {
      const opened = open.get(job.number)?.get(run);
      if (opened === undefined) return;
      emitRun(job, opened, at, code);
      open.get(job.number)?.delete(run);
    },
    jobEnded(job, { status, at, code }) {
      for (const opened of open.get(job.number)?.values() ?? []) emitRun(job, opened, at, status);
      open.delete(job.number);
      emit({
        ...ids(job, null, ["job"]),
        name: `job ${name}`,
        kind: "internal",
        startedAt: job.startedAt ?? at,
        endedAt: at,
        attributes: { "stigmer.job_id": job.id, "stigmer.status": status },
        error: status === "completed" ? null : (code ?? status),
      });
    },
  };
}

function describeStep(record: StepRecord, { provider, model }: RunDescription, includesContent: boolean) {
  if (record.kind === "model") {
    const attributes: Attributes = {
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": provider,
      ...(model === null ? {} : { "gen_ai.request.model": model }),
      "gen_ai.usage.input_tokens": record.tokens.input,
      "gen_ai.usage.output_tokens": record.tokens.output,
      ...(includesContent ? { "stigmer.answer": record.text ?? "" } : {}),
    };
    return { name: `chat ${model ?? provider}`, kind: "client" as const, attributes, error: null };
  }
  const attributes: Attributes = {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": record.tool,
    ...(includesContent
      ? { "stigmer.tool.arguments": JSON.stringify(record.arguments), "stigmer.tool.output": record.output ?? "" }
      : {}),
  };
  return {
    name: `execute_tool ${record.tool}`,
    kind: "internal" as const,
    attributes,
    error: record.ok === false ? "the tool failed" : null,
  };
}

type SpanName = readonly (string | number)[];

function ids(job: Job, parent: SpanName | null, own: SpanName): Pick<Span, "traceId" | "spanId" | "parentSpanId"> {
  return {
    traceId: job.id.replaceAll("-", ""),
    spanId: spanId(job, own),
    parentSpanId: parent === null ? null : spanId(job, parent),
  };
}

function spanId(job: Job, name: SpanName): string {
  return createHash("sha256")
    .update([job.id, ...name].join(" "))
    .digest("hex")
    .slice(0, 16);
}
