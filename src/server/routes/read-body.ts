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
