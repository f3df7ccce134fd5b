import type { AgentDefinition } from "../../definitions/agent-schema.ts";
import { combineModels } from "../../definitions/combine-models.ts";
import { chooseModel } from "../../definitions/model-choice.ts";
import type { WorkflowDefinition, WorkflowNode } from "../../definitions/workflow-definition.ts";
import type { AgentTask, KeptWorkflow } from "../../protocol/messages.ts";

/** The variables that a node reads. */
export interface NodeNeeds {
  /** Of the model's key, where its provider wants one. */
  modelKey: string | null;
  toolKeys: string[];
  /** For the shell and the MCP servers of an agent. */
  variables: { name: string; secret: boolean; required: boolean }[];
}

/** Tools that ask a service of their own. */
const TOOL_KEYS: Readonly<Record<string, string>> = { web_search: "SERPER_API_KEY" };

export function nodeNeeds(kept: KeptWorkflow, node: WorkflowNode, defaults: AgentTask["defaults"]): NodeNeeds {
  const agent = node.agent === null ? null : agentOf(kept, node.agent);
  const model = agent === null ? combineModels(node.llm, definitionOf(kept).config.llm) : agent.spec.model;
  const tools = agent === null ? node.tools.map(({ name }) => name) : agent.spec.tools;
  return {
    modelKey: chooseModel(model, defaults).keyVariable,
    toolKeys: tools.flatMap((tool) => TOOL_KEYS[tool] ?? []),
    variables: agent?.spec.env ?? [],
  };
}

/** The workflow as the runtime's loader validated it. */
export function definitionOf({ workflow }: KeptWorkflow): WorkflowDefinition {
  return workflow as unknown as WorkflowDefinition;
}

/** Null where the deployment was generated without it. */
export function agentOf({ agents }: KeptWorkflow, name: string): AgentDefinition | null {
  const agent = Object.hasOwn(agents, name) ? agents[name] : undefined;
  return agent === undefined ? null : (agent as unknown as AgentDefinition);
}
