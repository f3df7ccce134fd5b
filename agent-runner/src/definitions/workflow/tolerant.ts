import { z } from "zod";

/**
 * The same form, read from data that the schema refuses: what is wrong becomes silence (an empty text, an empty list, the
 * default) and unknown keys are left out. So the checks that follow find their mistakes beside those of the schema.
 */
export function tolerant(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodObject) return tolerantObject(schema);
  if (schema instanceof z.ZodArray) return z.preprocess(orElse(Array.isArray, []), z.array(tolerant(schema.element)));
  if (schema instanceof z.ZodRecord) {
    return z.preprocess(orElse(isMap, {}), z.record(z.string(), tolerant(schema.valueType)));
  }
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    const inner = schema.unwrap();
    const fallback = schema.def.defaultValue;
    if (isComposite(inner)) return z.preprocess((value) => value ?? fallback, tolerant(inner));
    return z.catch(schema, fallback);
  }
  if (schema instanceof z.ZodOptional) {
    const inner = schema.unwrap();
    return isComposite(inner) ? z.optional(tolerant(inner)) : z.catch(schema, undefined);
  }
  return z.catch(schema, "");
}

function tolerantObject(schema: z.ZodObject): z.core.$ZodType {
  const shape = Object.entries(schema.shape).map(([key, inner]): [string, z.core.$ZodType] => [key, tolerant(inner)]);
  return z.preprocess(orElse(isMap, {}), z.object(Object.fromEntries(shape)));
}

function isComposite(schema: z.core.$ZodType): boolean {
  return schema instanceof z.ZodObject || schema instanceof z.ZodArray || schema instanceof z.ZodRecord;
}

function orElse(isRight: (value: unknown) => boolean, fallback: unknown): (value: unknown) => unknown {
  return (value) => (isRight(value) ? value : fallback);
}

function isMap(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
