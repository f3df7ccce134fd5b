import type { AgentDefinition } from "../definitions/agent-schema.ts";
import type { ModelSpec } from "../models/create-model.ts";
import type { AgentTask, Json } from "../protocol/messages.ts";

type AgentSpec = AgentDefinition["spec"];

/** What the loop runs: an agent, or a node of a workflow. */
export interface Subject {
  model: ModelSpec;
  instructions: string;
  message: string;
  conversation: AgentTask["conversation"];
  tools: AgentSpec["tools"];
  mcpServers: AgentSpec["mcp_servers"];
  skills: AgentSpec["skills"];
  limit: StepLimit;
  /** Tools whose errors end the run; the errors of all others go back to the model. */
  fatalTools: readonly string[];
  /** What the last answer must be; null: any text. */
  answer: AnswerRule | null;
  /** Model calls that were made before this run and that the script of the provider `scripted` counts. */
  earlierCalls: number;
}

export interface StepLimit {
  maxSteps: number;
  /** The sentence that says that they are used up. */
  message: string;
}

export interface AnswerRule {
  /** JSON Schema of an object, for services that can be bound to one; null: the answer is text. */
  schema: { [key: string]: Json } | null;
  /** `problem` follows the words "your answer". Pure. */
  read(text: string): { value: Json } | { problem: string };
  /** How often a wrong answer is asked for again. */
  maxRetries: number;
}

/** An agent as it is asked by a user; a node of a workflow changes what it needs to. */
export function agentSubject(
  { spec }: AgentDefinition,
  { message, conversation }: Pick<Subject, "message" | "conversation">,
): Subject {
  const { max_steps: maxSteps } = spec.limits;
  return {
    message,
    conversation,
    model: spec.model,
    instructions: spec.instructions,
    tools: spec.tools,
    mcpServers: spec.mcp_servers,
    skills: spec.skills,
    limit: { maxSteps, message: `the agent did not come to an end within ${maxSteps} steps (limits.max_steps)` },
    fatalTools: [],
    answer: null,
    earlierCalls: 0,
  };
}
