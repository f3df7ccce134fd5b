import { checkValue } from "../../workflow/check-value.ts";
import { isName } from "../../workflow/state-path.ts";
import type { Report } from "../report.ts";
import type { StateField } from "../workflow-definition.ts";
import type { KnownFields } from "./known-fields.ts";
import type { WrittenField, WrittenWorkflow } from "./workflow-schema.ts";
import { readType } from "./written-type.ts";

export interface ReadFields {
  fields: { [name: string]: StateField };
  /** All that were written, those with mistakes too. */
  known: KnownFields;
}

export function readStateFields({ fields: written }: WrittenWorkflow["state"], report: Report): ReadFields {
  const read = Object.entries(written).map(([name, field]) => ({ name, field: readField(name, field, report) }));
  return {
    fields: Object.fromEntries(read.flatMap(({ name, field }) => (field === null ? [] : [[name, field] as const]))),
    known: new Map(read.map(({ name, field }) => [name, field?.type ?? null])),
  };
}

function readField(name: string, written: WrittenField, report: Report): StateField | null {
  const path = ["state", "fields", name];
  if (!isName(name)) report(path, "must be a name of letters, digits and _, so that a prompt can spell it");
  const type = readType(written, path, report);
  const { required, description } = written;
  if (required && written.default !== null) {
    report([...path, "default"], "has no use: a field that is required is always given");
  }
  if (type === null) return null;
  if (written.default === null) return { type, required, description, default: null };
  const { value, problems } = checkValue(type, written.default);
  for (const problem of problems) {
    const place = problem.path === "" ? "" : `${problem.path} `;
    report([...path, "default"], `${place}${problem.message}`);
  }
  return { type, required, description, default: value };
}
