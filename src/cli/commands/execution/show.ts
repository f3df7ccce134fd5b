import type { ExecutionDetail, NodeRunDetail } from "../../../engine/engine.ts";
import type { CommandHandler } from "../../context.ts";
import { ensureServer } from "../../ensure-server.ts";
import { formatElapsed } from "../../render/duration-text.ts";
import { createPaint, type Paint } from "../../render/paint.ts";
import { renderTable } from "../../render/table.ts";

export interface ExecutionShowOptions {
  id: string;
  start: boolean;
}

export const handle: CommandHandler<ExecutionShowOptions> = async ({ id, start }, context) => {
  const client = await ensureServer(context, { start });
  const path = `/v1/executions/${encodeURIComponent(id)}`;
  const data = await client.request<{ execution: ExecutionDetail }>("GET", path);
  return { data, text: describe(data.execution, createPaint(context.globals.color && context.stdout.isTTY)) };
};

function describe(execution: ExecutionDetail, paint: Paint): string {
  const { error, output, tokens } = execution;
  const lines: [string, string | null][] = [
    ["id", execution.id],
    [execution.kind, execution.name],
    ["phase", execution.phase],
    ["session", execution.sessionId],
    ["created", execution.createdAt],
    ["started", execution.startedAt],
    ["ended", execution.endedAt],
    ["steps", String(execution.steps.length)],
    ["tokens", `${tokens.input} in, ${tokens.output} out`],
    ["error", error === null ? null : `${error.code}: ${error.message}`],
    ["output", output === null ? null : typeof output === "string" ? output : JSON.stringify(output, null, 2)],
  ];
  const facts = lines.flatMap(([name, value]) => (value === null ? [] : `${`${name}:`.padEnd(10)}${value}`));
  const { nodes } = execution;
  return [...facts, ...(nodes.length === 0 ? [] : ["", describeNodes(nodes, paint)])].join("\n");
}

function describeNodes(nodes: NodeRunDetail[], paint: Paint): string {
  const rows = nodes.map(({ node, iteration, phase, durationMs, steps, tokens, error }) => ({
    cells: [
      iteration === 1 ? node : `${node} (${iteration})`,
      phase === "open" ? "running" : phase,
      durationMs === null ? "" : formatElapsed(durationMs),
      String(steps),
      `${tokens.input} in, ${tokens.output} out`,
    ],
    below: error === null ? [] : [`${error.code}: ${error.message}`],
  }));
  return renderTable(["NODE", "PHASE", "TIME", "STEPS", "TOKENS"], rows, paint);
}
