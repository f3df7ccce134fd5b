import type { ObjectField, ValueType } from "../definitions/workflow-definition.ts";
import type { Json } from "../protocol/messages.ts";

export type JsonSchema = { [keyword: string]: Json };

/** Keys are texts in JSON; these are the ones that read as another type. */
export const KEY_PATTERNS = {
  int: "^-?(0|[1-9][0-9]*)$",
  float: "^-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?$",
  bool: "^(true|false)$",
} as const;

/** The type as JSON Schema (draft 2020-12): for structured output of models, and for people who call a deployed workflow. */
export function jsonSchemaOf(type: ValueType): JsonSchema {
  switch (type.kind) {
    case "str":
      return { type: "string" };
    case "int":
      return { type: "integer" };
    case "float":
      return { type: "number" };
    case "bool":
      return { type: "boolean" };
    case "list":
      return { type: "array", ...(type.item === null ? {} : { items: jsonSchemaOf(type.item) }) };
    case "dict":
      return {
        type: "object",
        ...(type.key === "str" ? {} : { propertyNames: { pattern: KEY_PATTERNS[type.key] } }),
        additionalProperties: type.value === null ? true : jsonSchemaOf(type.value),
      };
    case "object":
      return objectSchema(type.fields);
  }
}

/** The fields of an object, or of a whole state, as one JSON Schema. */
export function objectSchema(fields: { [name: string]: ObjectField }): JsonSchema {
  const entries = Object.entries(fields);
  if (entries.length === 0) return { type: "object", additionalProperties: true };
  return {
    type: "object",
    properties: Object.fromEntries(entries.map(([name, field]) => [name, fieldSchema(field)])),
    required: entries.filter(([, { required }]) => required).map(([name]) => name),
    additionalProperties: false,
  };
}

function fieldSchema({ type, description }: ObjectField): JsonSchema {
  return { ...jsonSchemaOf(type), ...(description === null ? {} : { description }) };
}
