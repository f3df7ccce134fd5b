import { toDisplayText } from "../../../platform/display-text.ts";
import type { DefinitionSummary } from "../../../server/routes/definitions.ts";
import type { CommandHandler } from "../../context.ts";
import { ensureServer } from "../../ensure-server.ts";
import { createPaint } from "../../render/paint.ts";
import { renderTable } from "../../render/table.ts";

export const handle: CommandHandler<{ start: boolean }> = async ({ start }, context) => {
  const client = await ensureServer(context, { start });
  const data = await client.request<{ workflows: DefinitionSummary[] }>("GET", "/v1/workflows");
  if (data.workflows.length === 0) {
    context.progress("No workflow was applied yet. Apply one with: stigmer apply -f FILE");
    return { data, text: null };
  }
  // A workflow's name may hold any characters.
  const rows = data.workflows.map(({ name, updatedAt, description }) => ({
    cells: [toDisplayText(name), updatedAt, toDisplayText(description)],
  }));
  const paint = createPaint(context.globals.color && context.stdout.isTTY);
  return { data, text: renderTable(["NAME", "UPDATED", "DESCRIPTION"], rows, paint) };
};
