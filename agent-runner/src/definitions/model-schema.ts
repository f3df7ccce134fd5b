/** What agents and workflows say about models in the same words. */
import { z } from "zod";
import { PROVIDERS } from "./model-choice.ts";

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

export const variableName = z.string().regex(VARIABLE, { error: "must be the name of an environment variable" });

export const httpUrl = z.string().refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), {
  error: "must be an http or https URL",
});

const scriptEntry = z
  .strictObject({
    text: z.string().optional(),
    tool_calls: z
      .array(z.strictObject({ tool: z.string(), arguments: z.json().default({}) }))
      .min(1, { error: "must have at least one entry" })
      .optional(),
    object: z.json().optional(),
  })
  .refine((entry) => (entry.object === undefined) === (entry.text !== undefined || entry.tool_calls !== undefined), {
    error: "must have text or tool_calls, or object alone",
  });

export const provider = z.enum(PROVIDERS).nullable().default(null);
export const modelName = z.string().min(1, { error: "must not be empty" }).nullable().default(null);

/** Everything but provider and name, which the two put first. */
export const modelSettings = {
  base_url: httpUrl.nullable().default(null),
  api_key_env: variableName.nullable().default(null),
  temperature: z
    .number()
    .min(0, { error: "must be between 0 and 2" })
    .max(2, { error: "must be between 0 and 2" })
    .nullable()
    .default(null),
  max_tokens: z.int().min(1, { error: "must be at least 1" }).nullable().default(null),
  script: z.array(scriptEntry).min(1, { error: "must have at least one entry" }).nullable().default(null),
  delay_ms: z.int().min(0, { error: "must not be negative" }).default(0),
};
