import { typeText } from "../../workflow/value-type.ts";
import type { Path } from "../field-path.ts";
import { nearestName } from "../nearest.ts";
import type { Report } from "../report.ts";
import type { ObjectField, ValueType } from "../workflow-definition.ts";
import type { KnownFields } from "./known-fields.ts";
import type { WrittenNode } from "./workflow-schema.ts";
import { readType } from "./written-type.ts";

interface OutputContext {
  path: Path;
  known: KnownFields;
  report: Report;
}

/** What the model must answer, which must be what the state takes: the same names, and types that fit. */
export function readOutput(written: WrittenNode, context: OutputContext): ValueType | null {
  checkOutputNames(written, context);
  const { output_schema: schema } = written;
  // What the state says of the outputs is what the answer must be.
  if (schema === undefined) return null;
  if (typeof schema === "string") return readSingle(written, { type: schema }, context);
  if (schema.type.trim() === "object") return readObject(written, schema, context);
  if (schema.fields !== undefined) {
    context.report([...context.path, "output_schema", "fields"], `are for an object, not for the type ${schema.type}`);
  }
  return readSingle(written, schema, context);
}

type WrittenSchema = Exclude<NonNullable<WrittenNode["output_schema"]>, string>;

function readObject(written: WrittenNode, schema: WrittenSchema, context: OutputContext): ValueType | null {
  const path = [...context.path, "output_schema"];
  if (schema.fields === undefined) {
    context.report([...path, "fields"], "is required: what does the object hold?");
    return null;
  }
  const fields = new Map<string, ObjectField>();
  for (const [index, field] of schema.fields.entries()) {
    const at = [...path, "fields", index];
    const type = readType(field, at, context.report);
    if (fields.has(field.name)) context.report([...at, "name"], `names the field "${field.name}" a second time`);
    if (type !== null) fields.set(field.name, { type, required: true, description: field.description });
    checkOutputField(written, { name: field.name, type }, at, context);
  }
  const names = schema.fields.map(({ name }) => name);
  for (const [index, output] of written.outputs.entries()) {
    if (output === "" || names.includes(output) || !context.known.has(output)) continue;
    const message = `output_schema has no field "${output}"`;
    context.report([...context.path, "outputs", index], message, nearestName(output, names));
  }
  return { kind: "object", fields: Object.fromEntries(fields) };
}

function checkOutputField(
  { outputs }: WrittenNode,
  { name, type }: { name: string; type: ValueType | null },
  at: Path,
  { known, report }: OutputContext,
): void {
  if (name === "") return;
  if (!outputs.includes(name)) {
    report([...at, "name"], `"${name}" is not among the node's outputs`, nearestName(name, outputs));
  } else {
    checkFits(type, name, [...at, "type"], { known, report });
  }
}

function readSingle(
  { outputs }: WrittenNode,
  schema: { type: string; schema?: WrittenSchema["schema"] },
  { path, known, report }: OutputContext,
): ValueType | null {
  const type = readType(schema, [...path, "output_schema"], report);
  const [output] = outputs;
  if (outputs.length !== 1 || output === undefined) {
    report([...path, "outputs"], `must name one field, since output_schema is one ${schema.type}`);
  } else {
    checkFits(type, output, [...path, "output_schema"], { known, report });
  }
  return type;
}

function checkOutputNames({ outputs }: WrittenNode, { path, known, report }: OutputContext): void {
  for (const [index, output] of outputs.entries()) {
    const at = [...path, "outputs", index];
    if (outputs.indexOf(output) < index) report(at, `names the field "${output}" a second time`);
    else if (output !== "" && !known.has(output)) {
      report(at, `the state has no field "${output}"`, nearestName(output, [...known.keys()]));
    }
  }
}

function checkFits(
  type: ValueType | null,
  output: string,
  at: Path,
  { known, report }: Pick<OutputContext, "known" | "report">,
): void {
  const wanted = known.get(output);
  if (type === null || wanted === undefined || wanted === null || fits(type, wanted)) return;
  const [given, expected] = [typeText(type), typeText(wanted)];
  const difference = given === expected ? "has other fields there" : `is ${expected} there`;
  report(at, `"${output}" is ${given} here, and ${difference} in the state`, given === expected ? null : expected);
}

/** Whether every value of `given` is one of `wanted`, with nothing converted. */
function fits(given: ValueType, wanted: ValueType): boolean {
  if (given.kind === "list" && wanted.kind === "list") return fitsItem(given.item, wanted.item);
  if (given.kind === "dict" && wanted.kind === "dict") {
    return wanted.value === null || (given.key === wanted.key && fitsItem(given.value, wanted.value));
  }
  if (given.kind === "object" && wanted.kind === "object") return fitsFields(given.fields, wanted.fields);
  return given.kind === wanted.kind;
}

function fitsItem(given: ValueType | null, wanted: ValueType | null): boolean {
  return wanted === null || (given !== null && fits(given, wanted));
}

function fitsFields(given: { [name: string]: ObjectField }, wanted: { [name: string]: ObjectField }): boolean {
  const names = Object.keys(wanted);
  if (names.length === 0) return true;
  if (names.length !== Object.keys(given).length) return false;
  return names.every((name) => {
    const [from, to] = [given[name], wanted[name]];
    return from !== undefined && to !== undefined && fits(from.type, to.type) && (from.required || !to.required);
  });
}
