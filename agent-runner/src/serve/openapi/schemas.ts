import type { WorkflowDefinition } from "../../definitions/workflow-definition.ts";
import { initialState } from "../../workflow/inputs.ts";
import { type JsonSchema, objectSchema } from "../../workflow/type-schema.ts";

/** What `POST /run` takes: the fields of the state, with their defaults. */
export function inputsSchema({ state }: WorkflowDefinition): JsonSchema {
  const schema = objectSchema(state.fields);
  const properties = asProperties(schema["properties"]);
  const defaults = initialState(state.fields, {});
  return {
    ...schema,
    additionalProperties: false,
    properties: Object.fromEntries(
      Object.entries(properties).map(([name, property]) =>
        Object.hasOwn(defaults, name) ? [name, { ...property, default: defaults[name] ?? null }] : [name, property],
      ),
    ),
  };
}

/** What a job ends with: the state, of which the inputs that are required, and what has a default, are always there. */
export function outputsSchema({ state }: WorkflowDefinition): JsonSchema {
  const schema = objectSchema(state.fields);
  const always = Object.entries(state.fields)
    .filter(([, { required, default: usual }]) => required || usual !== null)
    .map(([name]) => name);
  return { ...schema, properties: asProperties(schema["properties"]), additionalProperties: false, required: always };
}

function asProperties(schema: JsonSchema[string] | undefined): { [name: string]: JsonSchema } {
  // objectSchema makes an object of objects, or leaves it out where there are no fields.
  return (schema ?? {}) as { [name: string]: JsonSchema };
}
