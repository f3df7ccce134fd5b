import { z } from "zod";
import type { Path } from "./field-path.ts";
import { nearestName } from "./nearest.ts";

/** One mistake, before it is known on which line it stands. */
export interface Explanation {
  path: Path;
  message: string;
  suggestion: string | null;
}

/** Says in plain words what a schema found wrong with `data`; an issue about several keys becomes one for each. */
export function explainIssue(schema: z.core.$ZodType, data: unknown, issue: z.core.$ZodIssue): Explanation[] {
  switch (issue.code) {
    case "unrecognized_keys": {
      const known = knownKeys(schema, issue.path);
      return issue.keys.map((key) => ({
        path: [...issue.path, key],
        message: `unknown key "${key}"`,
        suggestion: nearestName(key, known),
      }));
    }
    case "invalid_value": {
      const given = valueAt(data, issue.path);
      if (given === undefined) return [{ path: issue.path, message: "is required", suggestion: null }];
      const known = issue.values.map(String);
      const choice = known.length === 1 ? known.join() : `one of ${known.join(", ")}`;
      return [
        {
          path: issue.path,
          message: `must be ${choice}, not ${JSON.stringify(given)}`,
          suggestion: typeof given === "string" ? nearestName(given, known) : null,
        },
      ];
    }
    case "invalid_type": {
      const given = valueAt(data, issue.path);
      const message =
        given === undefined
          ? "is required"
          : `must be ${NOUNS[issue.expected] ?? issue.expected}, not ${nameKind(given)}`;
      return [{ path: issue.path, message, suggestion: null }];
    }
    case "invalid_union":
      return [{ path: issue.path, message: "is no JSON value", suggestion: null }];
    default:
      return [{ path: issue.path, message: issue.message, suggestion: null }];
  }
}

const NOUNS: Record<string, string> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map",
};

function nameKind(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a map";
  return JSON.stringify(value);
}

function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const part of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}

/** The keys that the map at `path` may have. */
function knownKeys(schema: z.core.$ZodType, path: Path): string[] {
  let here = unwrap(schema);
  for (const part of path) {
    if (here instanceof z.ZodObject && typeof part === "string") here = unwrap(here.shape[part]);
    else if (here instanceof z.ZodArray) here = unwrap(here.element);
    else return [];
  }
  return here instanceof z.ZodObject ? Object.keys(here.shape) : [];
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  let inner = schema;
  while (
    inner instanceof z.ZodDefault ||
    inner instanceof z.ZodPrefault ||
    inner instanceof z.ZodNullable ||
    inner instanceof z.ZodOptional
  ) {
    inner = inner.unwrap();
  }
  return inner;
}
