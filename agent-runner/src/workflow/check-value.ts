import { fieldOf } from "../definitions/field-path.ts";
import { nearestName } from "../definitions/nearest.ts";
import type { ObjectField, ValueType } from "../definitions/workflow-definition.ts";
import type { Json } from "../protocol/messages.ts";
import { KEY_PATTERNS } from "./type-schema.ts";
import { typeText } from "./value-type.ts";

/** One way in which a value is not of its type. */
export interface ValueProblem {
  /** Where in the value: `scores[2].name`; empty for the value as a whole. */
  path: string;
  /** What it must be and is not, to follow the path: `must be a whole number, not "x"`. */
  message: string;
}

export interface CheckedValue {
  /** The value as it is kept: an optional field of an object that is null is left out. Only of use without problems. */
  value: Json;
  problems: ValueProblem[];
}

type At = readonly (string | number)[];
type Report = (at: At, message: string) => void;

/** Of a value in a message; the rest is cut. */
const SHOWN = 60;

/**
 * Finds everything in which `value` is not of `type`. Nothing is converted that would lose something or guess: "3" is no
 * number, 3.5 no int; a whole number is a float, and JSON knows no difference between 3 and 3.0.
 */
export function checkValue(type: ValueType, value: Json): CheckedValue {
  const problems: ValueProblem[] = [];
  const checked = check(type, value, [], (at, message) => problems.push({ path: fieldOf(at), message }));
  return { value: checked, problems };
}

/** A value in a message, cut where it is long. */
export function showValue(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

function check(type: ValueType, value: Json, at: At, report: Report): Json {
  const wrong = (noun: string): Json => {
    report(at, `must be ${noun}, not ${showValue(value)}`);
    return value;
  };
  switch (type.kind) {
    case "str":
      return typeof value === "string" ? value : wrong("a text");
    case "bool":
      return typeof value === "boolean" ? value : wrong("true or false");
    case "float":
      // JSON.parse reads 1e999 as Infinity, which is no JSON any more.
      return Number.isFinite(value) ? value : wrong("a number");
    case "int":
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) return wrong("a whole number of at most 53 bits");
      return Number.isSafeInteger(value) ? value : wrong("a whole number");
    case "list":
      if (!Array.isArray(value)) return wrong(`a list (${typeText(type)})`);
      return checkItems(type.item, value, at, report);
    case "dict":
      return isMap(value) ? checkDict(type, value, at, report) : wrong(`a map (${typeText(type)})`);
    case "object":
      return isMap(value) ? checkObject(type.fields, value, at, report) : wrong("an object");
  }
}

function checkItems(item: ValueType | null, values: Json[], at: At, report: Report): Json {
  return item === null ? values : values.map((value, index) => check(item, value, [...at, index], report));
}

function checkDict(
  { key: keyType, value: valueType }: Extract<ValueType, { kind: "dict" }>,
  map: { [key: string]: Json },
  at: At,
  report: Report,
): Json {
  const keyPattern = keyType === "str" ? null : new RegExp(KEY_PATTERNS[keyType]);
  const entries = Object.entries(map).map(([key, value]): [string, Json] => {
    if (keyPattern?.test(key) === false) {
      report(at, `has the key ${showValue(key)}, which does not read as ${keyType}`);
    }
    return [key, valueType === null ? value : check(valueType, value, [...at, key], report)];
  });
  return Object.fromEntries(entries);
}

function checkObject(
  fields: { [name: string]: ObjectField },
  map: { [key: string]: Json },
  at: At,
  report: Report,
): Json {
  const names = Object.keys(fields);
  if (names.length === 0) return map;
  for (const name of names) {
    const isThere = Object.hasOwn(map, name);
    if (fields[name]?.required === true && !isThere) report([...at, name], "is missing");
  }
  const kept: [string, Json][] = [];
  for (const [name, value] of Object.entries(map)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) {
      const nearest = nearestName(name, names);
      report([...at, name], `is unknown${nearest === null ? "" : ` (did you mean ${nearest}?)`}`);
    } else if (field.required || value !== null) {
      kept.push([name, check(field.type, value, [...at, name], report)]);
    }
  }
  return Object.fromEntries(kept);
}

function isMap(value: Json): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
