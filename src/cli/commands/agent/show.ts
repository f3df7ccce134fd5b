import type { CommandHandler } from "../../context.ts";
import { ensureServer } from "../../ensure-server.ts";

export interface AgentShowOptions {
  name: string;
  start: boolean;
}

/** The text is YAML that `apply` takes back. */
export const handle: CommandHandler<AgentShowOptions> = async ({ name, start }, context) => {
  const client = await ensureServer(context, { start });
  const data = await client.request<{ agent: unknown }>("GET", `/v1/agents/${encodeURIComponent(name)}`);
  if (context.globals.json) return { data, text: null };
  const { renderYaml } = await import("../../render/yaml.ts");
  return { data, text: renderYaml(data.agent) };
};
