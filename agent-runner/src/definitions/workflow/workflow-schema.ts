/**
 * The written form of a workflow (engine.md §4). It holds what a schema can say; what needs two places at once is
 * checked when `readWorkflow` makes a `WorkflowDefinition` of it.
 */
import { z } from "zod";
import { TOOL_NAMES } from "../../tools/names.ts";
import { httpUrl, modelName, modelSettings, provider } from "../model-schema.ts";

/** The last two are names that other systems with this format have for web_search and web_fetch. */
const WRITTEN_TOOLS = [...TOOL_NAMES, "serper_search", "web_scrape"] as const;
export type WrittenTool = (typeof WRITTEN_TOOLS)[number];

const FEWEST = { error: "must have at least one entry" };

const filled = z.string().min(1, { error: "must not be empty" });
const description = z.string().nullable().default(null);
const typeText = filled.meta({
  description: "str, int, float, bool, list, list[T], dict, dict[K, V] or object",
  examples: ["str", "int", "float", "bool", "list[str]", "dict[str, int]", "object"],
});

/** Known from other systems with this format: told by name as ignored (see ignored-keys.ts). */
const ignored = z.unknown().optional().meta({ deprecated: true, description: "Ignored" });
const ignoredSections = {
  observability: ignored,
  storage: ignored,
  memory: ignored,
  log_prompts: ignored,
  log_artifacts: ignored,
};

const nestedField = z.strictObject({
  type: typeText,
  required: z.boolean().default(true),
  description,
  get schema(): z.ZodOptional<z.ZodRecord<z.ZodString, z.ZodUnion<readonly [z.ZodString, typeof nestedField]>>> {
    return nestedSchema.optional();
  },
});
const nestedSchema = z
  .record(z.string(), z.union([filled, nestedField]))
  .meta({ description: "The fields of an object, by name" });

const stateField = z.strictObject({
  type: typeText,
  required: z.boolean().default(false).meta({ description: "Every run must be given it" }),
  default: z.json().default(null),
  description,
  schema: nestedSchema.optional(),
});

const llm = z.strictObject({
  provider,
  model: modelName,
  ...modelSettings,
  api_base: httpUrl.optional().meta({ description: "The same as base_url" }),
});

const outputField = z.strictObject({
  name: filled,
  type: typeText,
  description,
  schema: nestedSchema.optional(),
});

const outputSchema = z
  .strictObject({
    type: typeText,
    description,
    fields: z.array(outputField).min(1, FEWEST).optional(),
    schema: nestedSchema.optional(),
  })
  .meta({ description: "What the model must answer: an object with fields, or one value" });

const nodeTool = z.union([
  z.enum(WRITTEN_TOOLS),
  z.strictObject({
    name: z.enum(WRITTEN_TOOLS),
    on_error: z.enum(["fail", "continue"]).default("fail"),
    config: ignored,
  }),
]);

const later = z.unknown().optional().meta({ description: "Not part of this version yet" });

const node = z.strictObject({
  id: filled,
  name: z.string().nullable().default(null),
  description,
  prompt: filled.optional().meta({ description: "With {field}, {state.field} and {local}; {{ and }} for braces" }),
  agent: filled.optional().meta({ description: "The name of an applied agent, instead of a prompt" }),
  inputs: z.record(z.string(), filled).default({}).meta({ description: "Local name → state.field" }),
  output_schema: z.union([typeText, outputSchema]).optional(),
  outputs: z.array(filled).default([]).meta({ description: "The state fields that the node sets" }),
  tools: z.array(nodeTool).default([]),
  llm: llm.optional(),
  code: later,
  sandbox: later,
  ...ignoredSections,
});

const route = z.strictObject({
  condition: z.strictObject({
    logic: filled.meta({ examples: ["state.score >= 7 and not state.done", "default"] }),
  }),
  to: filled,
});

const range = { error: "must be between 1 and 100" };
const loop = z.strictObject({
  max_iterations: z.int().min(1, range).max(100, range).default(10),
  condition_field: filled.meta({ description: "A field of the type bool: the loop ends when it is true" }),
  exit_to: filled,
});

const edge = z.strictObject({
  from: filled,
  to: z.union([filled, z.array(filled).min(1, FEWEST)]).optional(),
  routes: z.array(route).min(1, FEWEST).optional(),
  loop: loop.optional(),
});

const execution = z.strictObject({
  timeout: z.number().positive({ error: "must be more than 0 seconds" }).default(120),
  max_retries: z.int().min(0, { error: "must not be negative" }).default(3),
});

export const workflowSchema = z.strictObject({
  schema_version: z.literal("1.0"),
  flow: z.strictObject({
    name: filled.max(256, { error: "must be at most 256 characters" }),
    description,
    version: z.string().nullable().default(null),
    tags: ignored,
    author: ignored,
  }),
  state: z.strictObject({ fields: z.record(z.string(), stateField).default({}) }).prefault({}),
  nodes: z.array(node).min(1, FEWEST),
  edges: z.array(edge).min(1, FEWEST),
  config: z.strictObject({ llm: llm.optional(), execution: execution.prefault({}), ...ignoredSections }).prefault({}),
  ...ignoredSections,
});

export type WrittenWorkflow = z.infer<typeof workflowSchema>;
export type WrittenNode = WrittenWorkflow["nodes"][number];
export type WrittenEdge = WrittenWorkflow["edges"][number];
export type WrittenField = WrittenWorkflow["state"]["fields"][string];
export type WrittenModel = NonNullable<WrittenNode["llm"]>;
/** Name → type, or an entry of its own: what an object holds. */
export type NestedSchema = z.infer<typeof nestedSchema>;
