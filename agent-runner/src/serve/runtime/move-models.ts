import type { AgentDefinition } from "../../definitions/agent-schema.ts";
import type { WorkflowModel } from "../../definitions/workflow-definition.ts";
import type { AgentTask, KeptWorkflow } from "../../protocol/messages.ts";
import { definitionOf } from "./node-needs.ts";

export interface Moved {
  kept: KeptWorkflow;
  defaults: AgentTask["defaults"];
}

/**
 * The same workflow with its model service at `baseUrl` (`LLM_BASE_URL`). That means the service of the workflow's main
 * provider, which is that of `config.llm`, else the default one: another provider that a node names is somewhere else.
 */
export function moveModels({ kept, defaults }: Moved, baseUrl: string | null): Moved {
  if (baseUrl === null) return { kept, defaults };
  const definition = definitionOf(kept);
  const main = definition.config.llm?.provider ?? defaults.provider;
  const moved = (provider: string | null, inherited: string) => (provider ?? inherited) === main;
  const move = <Model extends WorkflowModel | AgentDefinition["spec"]["model"] | null>(
    model: Model,
    inherited: string,
  ) => (model !== null && moved(model.provider, inherited) ? { ...model, base_url: baseUrl } : model);

  const workflow = {
    ...definition,
    nodes: definition.nodes.map((node) => ({ ...node, llm: move(node.llm, main) })),
    config: { ...definition.config, llm: move(definition.config.llm, main) },
  };
  const agents = Object.entries(kept.agents).map(([name, kept]) => {
    const agent = kept as unknown as AgentDefinition;
    const model = move(agent.spec.model, defaults.provider);
    return [name, { ...agent, spec: { ...agent.spec, model } }];
  });
  return {
    // Still JSON: definitions with another text in one place.
    kept: { workflow: workflow as unknown as KeptWorkflow["workflow"], agents: Object.fromEntries(agents) },
    defaults: moved(null, defaults.provider) ? { ...defaults, baseUrl } : defaults,
  };
}
