import { nearestName } from "../definitions/nearest.ts";
import type { ObjectField, ValueType } from "../definitions/workflow-definition.ts";

/** Why a text names no type. */
export class TypeMistake extends Error {
  override readonly name = "TypeMistake";
  readonly suggestion: string | null;

  constructor(message: string, suggestion: string | null = null) {
    super(message);
    this.suggestion = suggestion;
  }
}

const BASIC = ["str", "int", "float", "bool"] as const;
const NAMES = [...BASIC, "list", "dict", "object"] as const;
/** What the types are called elsewhere. */
const FOREIGN: Record<string, string> = {
  string: "str",
  text: "str",
  integer: "int",
  number: "float",
  double: "float",
  boolean: "bool",
  array: "list",
  map: "dict",
};
/** `list[list[…]]`: deep enough for every use, too little to exhaust the stack. */
const MOST_DEPTH = 32;

/**
 * Reads `str int float bool list dict list[T] dict[K, V] object`.
 * @param fields of every `object` in it; without any, an object may hold anything.
 * @throws TypeMistake with the nearest known name
 */
export function parseValueType(text: string, fields: Record<string, ObjectField> = {}): ValueType {
  return parseType(text.trim(), fields, 1);
}

/** The type as it is written in a definition; of an object only that it is one. */
export function typeText(type: ValueType): string {
  if (type.kind === "list") return type.item === null ? "list" : `list[${typeText(type.item)}]`;
  if (type.kind === "dict") {
    return type.value === null ? "dict" : `dict[${type.key}, ${typeText(type.value)}]`;
  }
  return type.kind;
}

function parseType(text: string, fields: Record<string, ObjectField>, depth: number): ValueType {
  if (depth > MOST_DEPTH) throw new TypeMistake(`a type may be ${MOST_DEPTH} levels deep`);
  const basic = BASIC.find((name) => name === text);
  if (basic !== undefined) return { kind: basic };
  if (text === "list") return { kind: "list", item: null };
  if (text === "dict") return { kind: "dict", key: "str", value: null };
  if (text === "object") return { kind: "object", fields };
  const [, outer = "", inner = ""] = /^(\w+)\s*\[(.*)\]$/s.exec(text) ?? [];
  if (outer === "list") return { kind: "list", item: parseType(inner.trim(), fields, depth + 1) };
  if (outer === "dict") return parseDict(inner, fields, depth);
  const suggestion = outer === "" ? suggest(text, NAMES) : suggest(outer, ["list", "dict"]);
  throw new TypeMistake(
    `unknown type ${JSON.stringify(text)}: a type is str, int, float, bool, list, list[T], dict, dict[K, V] or object`,
    suggestion,
  );
}

function parseDict(inner: string, fields: Record<string, ObjectField>, depth: number): ValueType {
  // A key is a basic type and has no comma; the rest may have many.
  const comma = inner.indexOf(",");
  const keyText = inner.slice(0, comma).trim();
  const key = BASIC.find((name) => name === keyText);
  if (comma === -1) throw new TypeMistake(`dict[${inner}] names no type of its values: write dict[K, V]`);
  if (key === undefined) {
    throw new TypeMistake(
      `${JSON.stringify(keyText)} cannot be the type of a key: it is str, int, float or bool`,
      suggest(keyText, BASIC),
    );
  }
  return { kind: "dict", key, value: parseType(inner.slice(comma + 1).trim(), fields, depth + 1) };
}

function suggest(text: string, known: readonly string[]): string | null {
  const nearest = nearestName(text, [...known, ...Object.keys(FOREIGN)]);
  const name = nearest === null ? null : (FOREIGN[nearest] ?? nearest);
  return name !== null && known.includes(name) ? name : null;
}
