import * as v from "valibot";
import { AppError } from "../../errors.ts";

/** A request body as its schema says. @throws AppError USAGE naming the first field that is wrong. */
export function readBody<Schema extends v.GenericSchema>(schema: Schema, body: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, body, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const field = v.getDotPath(issue);
  throw new AppError("USAGE", `The request is not understood: ${field === null ? "" : `${field}: `}${issue.message}`);
}

/**
 * A JSON object with values of one kind, whatever its keys: a field may be called `constructor`, which `v.record` leaves
 * out without a word.
 */
export function mapOf<Value>(isValue: (value: unknown) => value is Value) {
  return v.custom<{ [name: string]: Value }>(
    (map) => typeof map === "object" && map !== null && !Array.isArray(map) && Object.values(map).every(isValue),
    "Invalid type: Expected an object with other values",
  );
}
