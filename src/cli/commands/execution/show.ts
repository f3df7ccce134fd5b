import type { ExecutionDetail } from "../../../engine/engine.ts";
import type { CommandHandler } from "../../context.ts";
import { ensureServer } from "../../ensure-server.ts";

export interface ExecutionShowOptions {
  id: string;
  start: boolean;
}

export const handle: CommandHandler<ExecutionShowOptions> = async ({ id, start }, context) => {
  const client = await ensureServer(context, { start });
  const path = `/v1/executions/${encodeURIComponent(id)}`;
  const data = await client.request<{ execution: ExecutionDetail }>("GET", path);
  return { data, text: describe(data.execution) };
};

function describe(execution: ExecutionDetail): string {
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
  return lines.flatMap(([name, value]) => (value === null ? [] : `${`${name}:`.padEnd(9)}${value}`)).join("\n");
}
