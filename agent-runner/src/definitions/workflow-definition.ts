/** A workflow (engine.md §4) as `apply` stores it: validated, aliases resolved, every default in its place. */
import type { Json } from "../protocol/messages.ts";
import type { AgentDefinition } from "./agent-schema.ts";

/** A type of a state field or of a node's output. */
export type ValueType =
  | { kind: "str" | "int" | "float" | "bool" }
  /** `item` null: anything. */
  | { kind: "list"; item: ValueType | null }
  /** JSON has only texts for keys; `key` says what they must read as. `value` null: anything. */
  | { kind: "dict"; key: "str" | "int" | "float" | "bool"; value: ValueType | null }
  | { kind: "object"; fields: { [name: string]: ObjectField } };

export interface ObjectField {
  type: ValueType;
  required: boolean;
  description: string | null;
}

export interface StateField extends ObjectField {
  /** Null when the field has none: it is then absent from the state until something sets it. */
  default: Json;
}

/** `{state.article.title}` and `article.title` are both `["article", "title"]`; the first part is a state field. */
export type StatePath = string[];

/** `config.llm`, and a node's `llm`, which wins key by key; null is silence. */
export interface WorkflowModel {
  provider: string | null;
  name: string | null;
  base_url: string | null;
  api_key_env: string | null;
  temperature: number | null;
  max_tokens: number | null;
  /** Of the provider `scripted`: one entry a model call of a node, the last repeated. */
  script: AgentDefinition["spec"]["model"]["script"];
  delay_ms: number;
}

export interface NodeTool {
  /** A tool of this project; the names of other systems are resolved. */
  name: AgentDefinition["spec"]["tools"][number];
  on_error: "fail" | "continue";
}

export interface WorkflowNode {
  id: string;
  name: string | null;
  description: string | null;
  /** Exactly one of `prompt` and `agent` is there. `{state.field}`, `{field}` and `{local}` stand for values, `{{` and `}}` for braces. */
  prompt: string | null;
  /** The name of an applied agent. */
  agent: string | null;
  /** Local name → where its value comes from. */
  inputs: { [local: string]: StatePath };
  /**
   * What the model must answer. A single basic type goes into the one field of `outputs`. Null: the types of `outputs` in
   * the state decide, so that one str gets the answer's whole text.
   */
  output: ValueType | null;
  /** State fields that the node sets. */
  outputs: string[];
  tools: NodeTool[];
  llm: WorkflowModel | null;
}

/** `START` and `END` are the reserved ends. */
export type WorkflowEdge =
  /** More than one `to`: a fork; what comes after it waits for all of its branches. */
  | { kind: "next"; from: string; to: string[] }
  /** In order, the first true one wins; exactly one has the logic `default`, wherever it stands. */
  | { kind: "routes"; from: string; routes: { logic: string; to: string }[] }
  /** Repeats `from` until the field is true, at most `max_iterations` runs in all. */
  | { kind: "loop"; from: string; max_iterations: number; condition_field: StatePath; exit_to: string };

export interface WorkflowDefinition {
  schema_version: "1.0";
  flow: { name: string; description: string | null; version: string | null };
  state: { fields: { [name: string]: StateField } };
  nodes: WorkflowNode[];
  edges: WorkflowEdge[];
  config: {
    llm: WorkflowModel | null;
    /** `timeout` in seconds for the whole run; an answer may fail its schema `max_retries` times before the node fails. */
    execution: { timeout: number; max_retries: number };
  };
}
