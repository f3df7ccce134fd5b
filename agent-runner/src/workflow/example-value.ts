import type { ValueType } from "../definitions/workflow-definition.ts";
import type { Json } from "../protocol/messages.ts";

/** A small value of the type, for messages and documentation. */
export function exampleValue(type: ValueType): Json {
  switch (type.kind) {
    case "str":
      return "text";
    case "int":
      return 3;
    case "float":
      return 0.5;
    case "bool":
      return true;
    case "list":
      return type.item === null ? [1, "two"] : [exampleValue(type.item)];
    case "dict":
      return { [EXAMPLE_KEYS[type.key]]: type.value === null ? 1 : exampleValue(type.value) };
    case "object":
      return Object.fromEntries(Object.entries(type.fields).map(([name, field]) => [name, exampleValue(field.type)]));
  }
}

const EXAMPLE_KEYS = { str: "key", int: "1", float: "0.5", bool: "true" } as const;
