import type { WorkflowDefinition } from "@stigmer/agent-runner/workflow-definition";
import type { CommandHandler } from "../../context.ts";
import { ensureServer } from "../../ensure-server.ts";

export interface WorkflowShowOptions {
  name: string;
  start: boolean;
}

/** In the form that `apply` takes; the text is YAML. */
export const handle: CommandHandler<WorkflowShowOptions> = async ({ name, start }, context) => {
  const client = await ensureServer(context, { start });
  const path = `/v1/workflows/${encodeURIComponent(name)}`;
  const stored = await client.request<{ workflow: WorkflowDefinition }>("GET", path);
  const { writeWorkflow } = await import("@stigmer/agent-runner/write-workflow");
  const data = { workflow: writeWorkflow(stored.workflow) };
  if (context.globals.json) return { data, text: null };
  const { renderYaml } = await import("../../render/yaml.ts");
  return { data, text: renderYaml(data.workflow) };
};
