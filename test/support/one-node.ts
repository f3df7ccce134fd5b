import type { Json, KeptWorkflow } from "@stigmer/agent-runner/protocol";
import type {
  ValueType,
  WorkflowDefinition,
  WorkflowNode,
} from "../../agent-runner/src/definitions/workflow-definition.ts";
import { parseValueType } from "../../agent-runner/src/workflow/value-type.ts";
import { next, workflow } from "./workflow-flow.ts";

export const NODE = "write";

export interface OneNode extends Partial<Omit<WorkflowNode, "output" | "llm">> {
  /** The types of the state's fields, as they are written. */
  fields?: { [name: string]: string };
  /** A type as it is written, or the fields of an object. */
  output?: string | { [name: string]: string };
  llm?: { [key: string]: Json };
  maxRetries?: number;
  agents?: KeptWorkflow["agents"];
  /** `config.llm`. */
  shared?: { [key: string]: Json };
}

/** A workflow whose only node is {@link NODE}; what a test leaves out is harmless. */
export function oneNode(options: OneNode = {}): KeptWorkflow {
  const { fields = {}, output, llm, shared, maxRetries = 3, agents = {}, ...node } = options;
  const definition: WorkflowDefinition = workflow([next("START", NODE), next(NODE, "END")], Object.keys(fields));
  for (const [name, text] of Object.entries(fields)) {
    const field = definition.state.fields[name];
    if (field !== undefined) field.type = parseValueType(text);
  }
  const [written] = definition.nodes;
  if (written !== undefined) {
    Object.assign(written, node, { output: output === undefined ? null : typeOf(output), llm: fill(llm) });
  }
  definition.config = {
    llm: fill(shared) as WorkflowDefinition["config"]["llm"],
    execution: { timeout: 120, max_retries: maxRetries },
  };
  // Through JSON, as the server keeps it.
  return { workflow: JSON.parse(JSON.stringify(definition)) as Json, agents };
}

function typeOf(output: string | { [name: string]: string }): ValueType {
  if (typeof output === "string") return parseValueType(output);
  const fields = Object.entries(output).map(([name, text]) => {
    return [name, { type: parseValueType(text), required: true, description: null }] as const;
  });
  return { kind: "object", fields: Object.fromEntries(fields) };
}

function fill(llm: { [key: string]: Json } | undefined) {
  if (llm === undefined) return null;
  const silent = { provider: null, name: null, base_url: null, api_key_env: null, temperature: null, max_tokens: null };
  return { ...silent, script: null, delay_ms: 0, ...llm };
}
