import { typeText } from "../../workflow/value-type.ts";
import { nearestName } from "../nearest.ts";
import type { StatePath, ValueType } from "../workflow-definition.ts";

/** What a path may begin with. The type is null where it could not be read, so that nothing is said about it twice. */
export type KnownFields = ReadonlyMap<string, ValueType | null>;

export type Resolved =
  /** Null: anything, or unknown. */
  { found: true; type: ValueType | null } | { found: false; message: string; suggestion: string | null };

/** The type of what stands at `path` of the state. */
export function resolvePath(path: StatePath, fields: KnownFields): Resolved {
  const [first = "", ...deeper] = path;
  const type = fields.get(first);
  if (type === undefined) return missing(first, [...fields.keys()], "the state");
  let here: Resolved = { found: true, type };
  let parent = first;
  for (const part of deeper) {
    if (!here.found || here.type === null) return here;
    here = resolvePart(part, here.type, parent);
    parent = `${parent}.${part}`;
  }
  return here;
}

function resolvePart(part: string, type: ValueType, parent: string): Resolved {
  if (type.kind === "dict") return { found: true, type: type.value };
  if (type.kind !== "object") {
    return {
      found: false,
      message: `${parent} is of the type ${typeText(type)}, which has no fields`,
      suggestion: null,
    };
  }
  const names = Object.keys(type.fields);
  if (names.length === 0) return { found: true, type: null };
  const field = Object.hasOwn(type.fields, part) ? type.fields[part] : undefined;
  return field === undefined ? missing(part, names, parent) : { found: true, type: field.type };
}

function missing(name: string, known: string[], place: string): Resolved {
  return { found: false, message: `${place} has no field "${name}"`, suggestion: nearestName(name, known) };
}
