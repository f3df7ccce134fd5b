import { toDisplayText } from "../../../platform/display-text.ts";
import type { CommandHandler } from "../../context.ts";
import { ensureServer } from "../../ensure-server.ts";

export interface WorkflowDeleteOptions {
  name: string;
  start: boolean;
}

/** Executions that began with it go on with the definition they began with. */
export const handle: CommandHandler<WorkflowDeleteOptions> = async ({ name, start }, context) => {
  const client = await ensureServer(context, { start });
  const data = await client.request<{ name: string }>("DELETE", `/v1/workflows/${encodeURIComponent(name)}`);
  return { data, text: `workflow/${toDisplayText(data.name)} deleted` };
};
