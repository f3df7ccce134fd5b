import type { Json, StepRecord } from "@stigmer/agent-runner/protocol";
import type { ExecutionRecord } from "../../store/executions.ts";
import type { NodeRunRow } from "../../store/node-runs.ts";
import type { Store } from "../../store/open.ts";
import type { ExecutionDetail, ExecutionSummary, NodeRunDetail } from "../engine.ts";

export function toSummary({ id, kind, name, phase, createdAt, endedAt }: ExecutionSummary): ExecutionSummary {
  return { id, kind, name, phase, createdAt, endedAt };
}

/** Everything that is known of an execution, for `execution show`. */
export function toDetail(record: ExecutionRecord, store: Pick<Store, "steps" | "nodeRuns">): ExecutionDetail {
  const { number, startedAt, conversationId, input, output, error, tokens } = record;
  const steps = store.steps.listAll(number);
  const runs = record.kind === "workflow" ? store.nodeRuns.list(number) : [];
  const nodeOf = new Map(runs.map(({ run, node }) => [run, node]));
  return {
    ...toSummary(record),
    startedAt,
    sessionId: conversationId,
    input,
    output,
    error,
    steps: steps.map(({ run, step, phase, record: recorded }): Json => {
      const node = nodeOf.get(run);
      return { ...(node === undefined ? {} : { run, node }), step, phase, ...asJson(recorded) };
    }),
    nodes: runs.map((run) =>
      toNode(
        run,
        steps.filter((step) => step.run === run.run).map((step) => step.record),
      ),
    ),
    tokens,
  };
}

function toNode(row: NodeRunRow, records: StepRecord[]): NodeRunDetail {
  const { run, node, iteration, phase, startedAt, endedAt, output, error } = row;
  const tokens = { input: 0, output: 0 };
  for (const record of records) {
    if (record.kind !== "model") continue;
    tokens.input += record.tokens.input;
    tokens.output += record.tokens.output;
  }
  const durationMs = startedAt === null || endedAt === null ? null : Date.parse(endedAt) - Date.parse(startedAt);
  return { run, node, iteration, phase, startedAt, endedAt, durationMs, steps: records.length, tokens, output, error };
}

/** A record is JSON through and through; its interface type just has no index signature. */
function asJson(record: object): { [key: string]: Json } {
  return { ...record } as { [key: string]: Json };
}
