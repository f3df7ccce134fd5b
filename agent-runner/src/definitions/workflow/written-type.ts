import { parseValueType, TypeMistake, typeText } from "../../workflow/value-type.ts";
import type { Path } from "../field-path.ts";
import type { Report } from "../report.ts";
import type { ObjectField, ValueType } from "../workflow-definition.ts";
import type { NestedSchema } from "./workflow-schema.ts";

interface WrittenType {
  type: string;
  schema?: NestedSchema | undefined;
}

/** A type with the fields of its objects. Null when something of it is wrong, which is then reported. */
export function readType({ type: text, schema }: WrittenType, path: Path, report: Report): ValueType | null {
  const fields = readFields(schema ?? {}, [...path, "schema"], report);
  const type = parseType(text, fields ?? {}, [...path, "type"], report);
  if (type === null || fields === null) return null;
  if (schema !== undefined && !holdsObject(type)) {
    report([...path, "schema"], `is for an object: the type ${typeText(type)} holds none`);
    return null;
  }
  return type;
}

function readFields(schema: NestedSchema, path: Path, report: Report): Record<string, ObjectField> | null {
  const entries = Object.entries(schema).map(([name, written]): [string, ObjectField | null] => {
    const at = [...path, name];
    if (typeof written === "string") {
      const type = parseType(written, {}, at, report);
      return [name, type && { type, required: true, description: null }];
    }
    const type = readType(written, at, report);
    return [name, type && { type, required: written.required, description: written.description }];
  });
  const read = entries.flatMap(([name, field]) => (field === null ? [] : [[name, field] as const]));
  return read.length === entries.length ? Object.fromEntries(read) : null;
}

function parseType(text: string, fields: Record<string, ObjectField>, path: Path, report: Report): ValueType | null {
  // The schema told that it is no text, or an empty one.
  if (text === "") return null;
  try {
    return parseValueType(text, fields);
  } catch (error) {
    if (!(error instanceof TypeMistake)) throw error;
    report(path, error.message, error.suggestion);
    return null;
  }
}

function holdsObject(type: ValueType): boolean {
  if (type.kind === "list") return type.item !== null && holdsObject(type.item);
  if (type.kind === "dict") return type.value !== null && holdsObject(type.value);
  return type.kind === "object";
}
