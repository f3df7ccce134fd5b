/** Which variables a workflow needs: the keys of its models and tools, and what its agents ask for. Pure. */
import { combineWishes } from "@stigmer/agent-runner/combine-models";
import { chooseModel, type ModelWish } from "@stigmer/agent-runner/model-choice";
import type { WorkflowDefinition } from "@stigmer/agent-runner/workflow-definition";
import type { DefaultModel, NeededVariable } from "./deployment.ts";

/** What is read of an agent's stored definition. */
export interface AgentNeeds {
  spec: {
    model: ModelWish;
    tools: readonly string[];
    env: readonly { name: string; required: boolean }[];
  };
}

/** Tools that ask a service of somebody's for which one needs an account. */
const TOOL_KEYS: Readonly<Record<string, string>> = { web_search: "SERPER_API_KEY" };

/**
 * What the container sets itself, whatever an agent calls its variables: another value would cut it off from its port,
 * its data or its keys.
 */
const RESERVED = ["PORT", "HOST", "DATA_DIR", "SECRETS_FILE", "STIGMER_LOOPBACK_HOST", "PATH", "HOME", "NODE_ENV"];

/** Sorted by name, each once; needed by two and required by one is required. */
export function neededVariables(
  workflow: WorkflowDefinition,
  agents: readonly AgentNeeds[],
  llm: DefaultModel,
): NeededVariable[] {
  const found = new Map<string, NeededVariable>();
  const need = (name: string, required: boolean, neededBy: string) => {
    if (RESERVED.includes(name)) return;
    const known = found.get(name);
    found.set(name, { name, required: required || known?.required === true, neededBy: known?.neededBy ?? neededBy });
  };
  const needModel = (wish: ModelWish) => {
    const { provider, keyVariable } = chooseModel(wish, llm);
    if (keyVariable !== null) need(keyVariable, true, `the models of ${provider}`);
  };
  const needTool = (tool: string) => {
    const key = TOOL_KEYS[tool];
    if (key !== undefined) need(key, true, `the tool ${tool}`);
  };

  for (const node of workflow.nodes.filter(({ agent }) => agent === null)) {
    needModel(combineWishes(node.llm, workflow.config.llm));
    for (const { name } of node.tools) needTool(name);
  }
  for (const { spec } of agents) {
    needModel(spec.model);
    spec.tools.forEach(needTool);
    for (const { name, required } of spec.env) need(name, required, "its agents");
  }
  return [...found.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
}
