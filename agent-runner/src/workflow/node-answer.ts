import type { AnswerRule } from "../agent/subject.ts";
import type { ObjectField, ValueType, WorkflowDefinition, WorkflowNode } from "../definitions/workflow-definition.ts";
import type { Json } from "../protocol/messages.ts";
import { checkValue, type ValueProblem } from "./check-value.ts";
import { jsonSchemaOf } from "./type-schema.ts";

/** How a node's answer becomes the values of its `outputs`. */
export type NodeAnswer = Pick<AnswerRule, "schema" | "read">;

/** Under these keys models answer with a single value, whatever they were told. */
const USUAL_KEYS = ["result", "value"];
/** A long list may be wrong in every item. */
const MOST_TOLD = 10;

/**
 * - A node whose schema is an object is answered with that object, and each output is a field of it.
 * - A single output of a basic type is asked for as an object with that one field, since services can be bound to
 *   objects only, and taken bare as well. A text is asked for as it is, and taken out of such an object.
 * - Without a schema the types of the state decide, and a text is the whole answer, whatever it looks like.
 */
export function nodeAnswer(node: WorkflowNode, fields: WorkflowDefinition["state"]["fields"]): NodeAnswer {
  const type = node.output ?? typeOfOutputs(node.outputs, fields);
  if (type.kind === "object") return objectAnswer(type, node.outputs);
  const [output = ""] = node.outputs;
  return type.kind === "str" ? textAnswer(output, node.output !== null) : singleAnswer(output, type);
}

function typeOfOutputs(outputs: readonly string[], fields: WorkflowDefinition["state"]["fields"]): ValueType {
  const [first, ...others] = outputs;
  // Its text is of no interest.
  if (first === undefined) return { kind: "str" };
  if (others.length === 0) return fields[first]?.type ?? { kind: "str" };
  const needed = outputs.flatMap((name): [string, ObjectField][] => {
    const field = fields[name];
    return field === undefined ? [] : [[name, { ...field, required: true }]];
  });
  return { kind: "object", fields: Object.fromEntries(needed) };
}

function objectAnswer(type: ValueType, outputs: readonly string[]): NodeAnswer {
  return {
    schema: jsonSchemaOf(type),
    read(text) {
      const json = findJson(text);
      if (json === undefined) return NO_JSON;
      const { value, problems } = checkValue(type, json);
      return problems.length > 0 ? misfit(problems) : { value: pick(value, outputs) };
    },
  };
}

function textAnswer(output: string, hasSchema: boolean): NodeAnswer {
  return {
    schema: null,
    read(text) {
      const wrapped = hasSchema ? unwrap(findJson(text), output) : undefined;
      return { value: output === "" ? {} : { [output]: typeof wrapped === "string" ? wrapped : text } };
    },
  };
}

function singleAnswer(output: string, type: ValueType): NodeAnswer {
  const schema = {
    type: "object",
    properties: { [output]: jsonSchemaOf(type) },
    required: [output],
    additionalProperties: false,
  };
  return {
    schema,
    read(text) {
      const json = findJson(text);
      if (json === undefined) return NO_JSON;
      const wrapped = unwrap(json, output);
      const candidates = wrapped === undefined ? [json] : [wrapped, json];
      const checked = candidates.map((candidate) => checkValue(type, candidate));
      const fitting = checked.find(({ problems }) => problems.length === 0);
      if (fitting !== undefined) return { value: { [output]: fitting.value } };
      return misfit((checked[0]?.problems ?? []).map(({ path, message }) => ({ path: below(output, path), message })));
    },
  };
}

function below(output: string, path: string): string {
  if (path === "") return output;
  return path.startsWith("[") ? `${output}${path}` : `${output}.${path}`;
}

const NO_JSON = { problem: "is no JSON" };

function misfit(problems: readonly ValueProblem[]): { problem: string } {
  const told = problems.slice(0, MOST_TOLD).map(({ path, message }) => `${path === "" ? "it" : path} ${message}`);
  if (problems.length > MOST_TOLD) told.push(`and ${problems.length - MOST_TOLD} more`);
  return { problem: `does not fit the output schema: ${told.join("; ")}` };
}

function pick(value: Json, names: readonly string[]): Json {
  if (!isMap(value)) return {};
  return Object.fromEntries(
    names.flatMap((name) => {
      const picked = Object.hasOwn(value, name) ? value[name] : undefined;
      return picked === undefined ? [] : [[name, picked]];
    }),
  );
}

/** What stands in an object with one single key that is the output's name or a usual one. */
function unwrap(json: Json | undefined, output: string): Json | undefined {
  if (!isMap(json)) return undefined;
  const [key, ...others] = Object.keys(json);
  const isWrapper = key !== undefined && others.length === 0 && [output, ...USUAL_KEYS].includes(key);
  return isWrapper ? json[key] : undefined;
}

/** The whole text, or what stands in its first code fence. */
function findJson(text: string): Json | undefined {
  return parseJson(text) ?? parseJson(/```[\w-]*\s*\n(.*?)```/s.exec(text)?.[1] ?? "");
}

function parseJson(text: string): Json | undefined {
  try {
    // JSON.parse gives JSON, and nothing else.
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function isMap(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
