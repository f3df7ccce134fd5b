import type { CommandHandler } from "../../context.ts";
import { ensureServer } from "../../ensure-server.ts";

export interface AgentDeleteOptions {
  name: string;
  start: boolean;
}

/** Executions that began with it go on with the definition they began with. */
export const handle: CommandHandler<AgentDeleteOptions> = async ({ name, start }, context) => {
  const client = await ensureServer(context, { start });
  const data = await client.request<{ name: string }>("DELETE", `/v1/agents/${encodeURIComponent(name)}`);
  return { data, text: `agent/${data.name} deleted` };
};
