import type { Json } from "../../protocol/messages.ts";
import { typeText } from "../../workflow/value-type.ts";
import type {
  ObjectField,
  StateField,
  StatePath,
  ValueType,
  WorkflowDefinition,
  WorkflowEdge,
  WorkflowModel,
  WorkflowNode,
} from "../workflow-definition.ts";

type Written = { [key: string]: Json };

/** A stored workflow in the form that a user writes and `apply` takes back; what is silent stays out. */
export function writeWorkflow({ schema_version, flow, state, nodes, edges, config }: WorkflowDefinition): Written {
  return {
    schema_version,
    flow: withoutNulls({ ...flow }),
    state: { fields: mapValues(state.fields, writeStateField) },
    nodes: nodes.map(writeNode),
    edges: edges.map(writeEdge),
    config: withoutNulls({ llm: config.llm && writeModel(config.llm), execution: { ...config.execution } }),
  };
}

function writeStateField(field: StateField): Written {
  const { type, schema, description } = writeType(field);
  const required = field.required || null;
  return withoutNulls({ type, required, default: field.default, description, schema });
}

function writeNode(node: WorkflowNode): Written {
  const { id, name, description, prompt, agent, inputs, outputs, tools, llm } = node;
  return withoutNulls({
    id,
    name,
    description,
    agent,
    inputs: Object.keys(inputs).length === 0 ? null : mapValues(inputs, writePath),
    prompt,
    output_schema: node.output && writeOutput(node.output),
    outputs: outputs.length === 0 ? null : outputs,
    tools: tools.length === 0 ? null : tools.map((tool) => (tool.on_error === "fail" ? tool.name : { ...tool })),
    llm: llm && writeModel(llm),
  });
}

function writeOutput(type: ValueType): Written {
  if (type.kind !== "object") return writeType({ type, description: null });
  const fields = Object.entries(type.fields).map(([name, field]) => ({ name, ...writeType(field) }));
  return { type: "object", fields };
}

function writeEdge(edge: WorkflowEdge): Written {
  const { from } = edge;
  switch (edge.kind) {
    case "next":
      return { from, to: edge.to.length === 1 ? (edge.to[0] ?? null) : edge.to };
    case "routes":
      return { from, routes: edge.routes.map(({ logic, to }) => ({ condition: { logic }, to })) };
    case "loop": {
      const { max_iterations, condition_field, exit_to } = edge;
      return { from, loop: { max_iterations, condition_field: writePath(condition_field), exit_to } };
    }
  }
}

function writeModel({ provider, name, ...settings }: WorkflowModel): Written {
  const delay_ms = settings.delay_ms === 0 ? null : settings.delay_ms;
  return withoutNulls({ provider, model: name, ...settings, script: writeScript(settings.script), delay_ms });
}

function writeScript(script: WorkflowModel["script"]): Json {
  // What zod read as JSON is JSON.
  return script as Json;
}

/** The type, and beside it the fields of the objects in it. */
function writeType({ type, description }: Pick<ObjectField, "type" | "description">): Written {
  const fields = fieldsIn(type);
  const schema = fields === null ? null : mapValues(fields, writeNested);
  return withoutNulls({ type: typeText(type), description, schema });
}

function writeNested(field: ObjectField): Json {
  const { type, schema, description } = writeType(field);
  if (schema === undefined && description === undefined && field.required) return type ?? null;
  return withoutNulls({ type, required: field.required ? null : false, description, schema });
}

/** Null where there is no object, or one that may hold anything. */
function fieldsIn(type: ValueType): { [name: string]: ObjectField } | null {
  if (type.kind === "list") return type.item && fieldsIn(type.item);
  if (type.kind === "dict") return type.value && fieldsIn(type.value);
  return type.kind === "object" && Object.keys(type.fields).length > 0 ? type.fields : null;
}

function writePath(path: StatePath): string {
  return `state.${path.join(".")}`;
}

function withoutNulls(map: { [key: string]: Json | undefined }): Written {
  const kept = Object.entries(map).flatMap(([key, value]) =>
    value === null || value === undefined ? [] : [[key, value] as const],
  );
  return Object.fromEntries(kept);
}

function mapValues<Value>(map: { [name: string]: Value }, write: (value: Value) => Json): Written {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, write(value)]));
}
