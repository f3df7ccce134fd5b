import type { DefinitionSummary } from "../../../server/routes/definitions.ts";
import type { CommandHandler } from "../../context.ts";
import { ensureServer } from "../../ensure-server.ts";
import { createPaint } from "../../render/paint.ts";
import { renderTable } from "../../render/table.ts";

export const handle: CommandHandler<{ start: boolean }> = async ({ start }, context) => {
  const client = await ensureServer(context, { start });
  const data = await client.request<{ agents: DefinitionSummary[] }>("GET", "/v1/agents");
  if (data.agents.length === 0) {
    context.progress("No agent was applied yet. Apply one with: stigmer apply -f FILE");
    return { data, text: null };
  }
  const rows = data.agents.map(({ name, updatedAt, description }) => ({ cells: [name, updatedAt, description] }));
  const paint = createPaint(context.globals.color && context.stdout.isTTY);
  return { data, text: renderTable(["NAME", "UPDATED", "DESCRIPTION"], rows, paint) };
};
