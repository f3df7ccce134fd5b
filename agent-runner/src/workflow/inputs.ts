/** The inputs of a workflow: the values that a run gives to fields of its state (engine.md §4). */
import { nearestName } from "../definitions/nearest.ts";
import type { StateField, ValueType } from "../definitions/workflow-definition.ts";
import type { Json } from "../protocol/messages.ts";
import { checkValue, showValue } from "./check-value.ts";
import { exampleValue } from "./example-value.ts";
import type { State } from "./state-path.ts";
import { typeText } from "./value-type.ts";

type StateFields = { readonly [name: string]: StateField };

/** Why an input cannot be taken; at most one a field. */
export interface InputMistake {
  field: string;
  /** A sentence that names the field and what is expected. */
  message: string;
  /** The nearest known field, of an unknown one. */
  suggestion: string | null;
}

/** `values` is what a run begins with when there is no mistake; defaults are not in it. */
export interface ReadInputs {
  values: { [field: string]: Json };
  mistakes: InputMistake[];
}

const NOUNS: Partial<Record<ValueType["kind"], string>> = { int: "a whole number", float: "a number" };
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

/** Reads the texts of `-i FIELD=TEXT` by the types of their fields, and finds every mistake at once. */
export function parseInputs(fields: StateFields, texts: { readonly [field: string]: string }): ReadInputs {
  const entries = Object.entries(texts).map(([name, text]): [string, Parsed] => {
    const field = fieldIn(fields, name);
    return [name, field === null ? { value: text } : parseInput(field.type, text)];
  });
  const unparsed = entries.flatMap(([field, parsed]) => ("message" in parsed ? [wrong(field, parsed.message)] : []));
  const values = entries.flatMap(([field, parsed]) => ("value" in parsed ? [[field, parsed.value] as const] : []));
  const checked = checkInputs(fields, Object.fromEntries(values));
  const isUnparsed = (name: string) => unparsed.some(({ field }) => field === name);
  return {
    values: checked.values,
    mistakes: [...unparsed, ...checked.mistakes.filter(({ field }) => !isUnparsed(field))],
  };
}

/** Checks values that came as JSON: unknown fields, missing required ones and wrong types, all at once. */
export function checkInputs(fields: StateFields, given: State): ReadInputs {
  const read: ReadInputs = { values: {}, mistakes: [] };
  const kept: [string, Json][] = [];
  for (const [name, value] of Object.entries(given)) {
    const field = fieldIn(fields, name);
    if (field === null) {
      read.mistakes.push(unknown(name, Object.keys(fields)));
      continue;
    }
    const checked = checkValue(field.type, value);
    const [problem] = checked.problems;
    if (problem !== undefined) {
      read.mistakes.push(wrong(name, `${problem.path === "" ? "" : `at ${problem.path} `}${problem.message}`));
    }
    kept.push([name, checked.value]);
  }
  for (const [name, { required, type }] of Object.entries(fields)) {
    if (required && !Object.hasOwn(given, name)) {
      const message = `the input ${name} (${typeText(type)}) is required`;
      read.mistakes.push({ field: name, message, suggestion: null });
    }
  }
  return { ...read, values: Object.fromEntries(kept) };
}

/** The state that a run begins with: defaults, and above them its checked inputs. */
export function initialState(fields: StateFields, values: State): State {
  const defaults = Object.entries(fields).flatMap(([name, field]) =>
    field.default === null ? [] : [[name, field.default] as const],
  );
  return { ...Object.fromEntries(defaults), ...values };
}

type Parsed = { value: Json } | { message: string };

/** Reads a text as a value of `type`: str as it is, numbers, true and false, and JSON for lists, dicts and objects. */
export function parseInput(type: ValueType, text: string): Parsed {
  switch (type.kind) {
    case "str":
      return { value: text };
    case "int":
    case "float":
      if (NUMBER.test(text.trim())) return accept(type, Number(text), text);
      break;
    case "bool": {
      const word = text.trim().toLowerCase();
      if (word === "true" || word === "false") return { value: word === "true" };
      break;
    }
    default: {
      const value = parseJson(text);
      if (value !== undefined) return accept(type, value, text);
    }
  }
  return { message: mustBe(type, text) };
}

function accept(type: ValueType, value: Json, text: string): Parsed {
  const checked = checkValue(type, value);
  const [problem] = checked.problems;
  if (problem === undefined) return { value: checked.value };
  if (problem.path === "") return { message: mustBe(type, text) };
  return { message: `${mustBe(type, text)}: ${problem.path} ${problem.message}` };
}

function mustBe(type: ValueType, text: string): string {
  return `must be ${nounOf(type)}, not ${showValue(text)}`;
}

function nounOf(type: ValueType): string {
  if (type.kind === "bool") return "true or false";
  const noun = NOUNS[type.kind] ?? `JSON of the type ${typeText(type)}`;
  return `${noun} such as ${JSON.stringify(exampleValue(type))}`;
}

function parseJson(text: string): Json | undefined {
  try {
    // JSON.parse gives JSON, and nothing else.
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function wrong(field: string, message: string): InputMistake {
  return { field, message: `the input ${field} ${message}`, suggestion: null };
}

function unknown(name: string, known: string[]): InputMistake {
  const suggestion = nearestName(name, known);
  const list = known.length === 0 ? "the workflow has no fields" : `the fields are ${known.join(", ")}`;
  return { field: name, message: `there is no field ${name}: ${list}`, suggestion };
}

function fieldIn(fields: StateFields, name: string): StateField | null {
  return Object.hasOwn(fields, name) ? (fields[name] ?? null) : null;
}
