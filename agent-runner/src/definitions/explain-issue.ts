import { z } from "zod";
import type { Path } from "./field-path.ts";
import { nearestName } from "./nearest.ts";

/** One mistake, before it is known on which line it stands. */
export interface Explanation {
  path: Path;
  message: string;
  suggestion: string | null;
  /** The last part of the path is a key that the map must not have. */
  isUnknownKey: boolean;
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
        isUnknownKey: true,
      }));
    }
    case "invalid_value": {
      const given = valueAt(data, issue.path);
      if (given === undefined) return [wrongValue(issue.path, "is required")];
      const known = issue.values.map((value) => (typeof given === "string" ? String(value) : JSON.stringify(value)));
      const choice = known.length === 1 ? known.join() : `one of ${known.join(", ")}`;
      const suggestion = typeof given === "string" ? nearestName(given, known) : null;
      return [{ ...wrongValue(issue.path, `must be ${choice}, not ${JSON.stringify(given)}`), suggestion }];
    }
    case "invalid_type": {
      const given = valueAt(data, issue.path);
      const message =
        given === undefined
          ? "is required"
          : `must be ${NOUNS[issue.expected] ?? issue.expected}, not ${nameKind(given)}`;
      return [wrongValue(issue.path, message)];
    }
    case "invalid_union":
      return explainUnion(schema, data, issue);
    default:
      return [wrongValue(issue.path, issue.message)];
  }
}

function wrongValue(path: Path, message: string): Explanation {
  return { path, message, suggestion: null, isUnknownKey: false };
}

/** What is wrong by the form that was meant: the one whose kind of value is there. */
function explainUnion(schema: z.core.$ZodType, data: unknown, issue: z.core.$ZodIssueInvalidUnion): Explanation[] {
  const { path, errors } = issue;
  const given = valueAt(data, path);
  const meant = errors.filter((issues) => !issues.some((inner) => isOtherKind(inner, given)));
  const [only] = meant;
  if (only !== undefined && meant.length === 1) {
    return only.flatMap((inner) => explainIssue(schema, data, { ...inner, path: [...path, ...inner.path] }));
  }
  if (given === undefined) return [wrongValue(path, "is required")];
  const expected = errors.flatMap(([first]) => (first?.code === "invalid_type" ? [first.expected] : []));
  const nouns = expected.map((kind) => NOUNS[kind] ?? kind);
  const message = nouns.length === 2 ? `must be ${nouns.join(" or ")}, not ${nameKind(given)}` : "is no JSON value";
  return [wrongValue(path, message)];
}

/** The value as a whole is of another kind than a form wants, so that its details are no mistakes of that form. */
function isOtherKind({ code, path }: z.core.$ZodIssue, given: unknown): boolean {
  if (path.length > 0) return false;
  return code === "invalid_type" || (code === "invalid_value" && typeof given !== "string");
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
  let here: z.core.$ZodType | null = objectIn(schema);
  for (const part of path) {
    if (here instanceof z.ZodObject && typeof part === "string") here = objectIn(here.shape[part]);
    else if (here instanceof z.ZodArray) here = objectIn(here.element);
    else if (here instanceof z.ZodRecord) here = objectIn(here.valueType);
    else return [];
  }
  return here instanceof z.ZodObject ? Object.keys(here.shape) : [];
}

/** Without what is wrapped around it; of several forms, the one that is no plain value. */
function objectIn(schema: z.core.$ZodType): z.core.$ZodType {
  if (
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodOptional
  ) {
    return objectIn(schema.unwrap());
  }
  if (!(schema instanceof z.ZodUnion)) return schema;
  const forms = schema.options.map(objectIn);
  return forms.find((form) => form instanceof z.ZodObject || form instanceof z.ZodArray) ?? schema;
}
