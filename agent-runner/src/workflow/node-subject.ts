import { agentSubject, type Subject } from "../agent/subject.ts";
import type { AgentDefinition } from "../definitions/agent-schema.ts";
import { combineModels } from "../definitions/combine-models.ts";
import type { WorkflowDefinition, WorkflowNode } from "../definitions/workflow-definition.ts";
import type { Json } from "../protocol/messages.ts";
import { type NodeAnswer, nodeAnswer } from "./node-answer.ts";
import { readPath, type State } from "./state-path.ts";
import { parseTemplate, renderTemplate } from "./template.ts";

/** As for an agent that sets no limit of its own; answers that are asked for again come on top. */
const MAX_STEPS = 30;

export interface NodeOfWorkflow {
  workflow: WorkflowDefinition;
  node: WorkflowNode;
  /** That of an agent node. */
  agent: AgentDefinition | null;
  state: State;
  earlierCalls: number;
}

/** A run of a node as the loop runs it: a prompt with its tools, or an agent on its inputs. */
export function nodeSubject({ workflow, node, agent, state, earlierCalls }: NodeOfWorkflow): Subject {
  const answer = nodeAnswer(node, workflow.state.fields);
  const asked = agent === null ? promptSubject(workflow, node, state) : agentNodeSubject(agent, node, state);
  return {
    ...asked,
    instructions: [asked.instructions, demand(answer)].filter((part) => part !== "").join("\n\n"),
    answer: { ...answer, maxRetries: workflow.config.execution.max_retries },
    earlierCalls,
  };
}

function promptSubject(workflow: WorkflowDefinition, node: WorkflowNode, state: State): Subject {
  const template = parseTemplate(node.prompt ?? "");
  const maxSteps = MAX_STEPS + workflow.config.execution.max_retries;
  return {
    model: combineModels(node.llm, workflow.config.llm),
    instructions: "",
    message: renderTemplate(template, { state, locals: readInputs(node, state) }),
    conversation: [],
    tools: node.tools.map(({ name }) => name),
    mcpServers: [],
    skills: [],
    limit: { maxSteps, message: `the node did not come to an end within ${maxSteps} steps` },
    fatalTools: node.tools.filter((tool) => tool.on_error === "fail").map(({ name }) => name),
    answer: null,
    earlierCalls: 0,
  };
}

function agentNodeSubject(agent: AgentDefinition, node: WorkflowNode, state: State): Subject {
  const given = Object.keys(node.inputs).length === 0 ? state : readInputs(node, state);
  return agentSubject(agent, { message: JSON.stringify(given), conversation: [] });
}

/** Without those that refer to something that is not there yet. */
function readInputs(node: WorkflowNode, state: State): State {
  const read = Object.entries(node.inputs).flatMap(([local, path]): [string, Json][] => {
    const value = readPath(state, path);
    return value === undefined ? [] : [[local, value]];
  });
  return Object.fromEntries(read);
}

/** Said to every model: not all services can be bound to a schema, and those that can answer better when they know it. */
function demand({ schema }: NodeAnswer): string {
  if (schema === null) return "";
  return `Give your answer as JSON that fits this JSON Schema, and nothing else:\n${JSON.stringify(schema)}`;
}
