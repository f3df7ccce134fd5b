import type { ExecutionPhase, ExecutionSummary } from "../../../engine/engine.ts";
import type { CommandHandler } from "../../context.ts";
import { ensureServer } from "../../ensure-server.ts";
import { createPaint } from "../../render/paint.ts";
import { renderTable } from "../../render/table.ts";

export interface ExecutionListOptions {
  limit: number;
  cursor?: string;
  phase?: ExecutionPhase;
  start: boolean;
}

interface ExecutionPage {
  executions: ExecutionSummary[];
  nextCursor: string | null;
}

export const handle: CommandHandler<ExecutionListOptions> = async ({ limit, cursor, phase, start }, context) => {
  const client = await ensureServer(context, { start });
  const query = new URLSearchParams({
    limit: String(limit),
    ...(cursor === undefined ? {} : { cursor }),
    ...(phase === undefined ? {} : { phase }),
  });
  const data = await client.request<ExecutionPage>("GET", `/v1/executions?${query}`);
  if (data.executions.length === 0) {
    const isAnyAsked = phase === undefined && cursor === undefined;
    context.progress(
      `${isAnyAsked ? "Nothing was run yet" : "There is no such execution"}. Begin one with: stigmer run --agent NAME`,
    );
    return { data, text: null };
  }
  if (data.nextCursor !== null) context.progress(`More with: stigmer execution list --cursor ${data.nextCursor}`);
  const rows = data.executions.map((row) => ({ cells: [row.id, row.kind, row.name, row.phase, row.createdAt] }));
  const paint = createPaint(context.globals.color && context.stdout.isTTY);
  return { data, text: renderTable(["ID", "KIND", "NAME", "PHASE", "CREATED"], rows, paint) };
};
