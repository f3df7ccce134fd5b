import { APICallError, type JSONSchema7, type LanguageModelV3CallOptions } from "@ai-sdk/provider";
import type { Json } from "../protocol/messages.ts";
import type { ModelRequest } from "./model.ts";

type FormatOptions = Pick<LanguageModelV3CallOptions, "responseFormat" | "providerOptions">;

/** Bound to a schema, the models of the others answer at once instead of calling a tool, or refuse the request. */
const FORMAT_BESIDE_TOOLS = ["openai", "anthropic"];

/**
 * What binds the answer to its schema, where the provider can do that; null where only the instructions ask for it. The
 * answer is checked in any case.
 */
export function formatOptions(provider: string, { answerSchema, tools }: ModelRequest): FormatOptions | null {
  if (answerSchema === null || (tools.length > 0 && !FORMAT_BESIDE_TOOLS.includes(provider))) return null;
  const isStrict = isClosed(answerSchema);
  // Google knows no maps with keys of the model's own choice.
  if (provider === "google" && !isStrict) return null;
  const strictness = { strictJsonSchema: isStrict };
  return {
    // JSON is JSON: the type of the SDK only knows more of its keys.
    responseFormat: { type: "json", name: "answer", schema: answerSchema as JSONSchema7 },
    providerOptions: { openai: strictness, openaiCompatible: strictness },
  };
}

/** Of the services that speak OpenAI's protocol some know no such format; the instructions will have to do. */
export function isFormatRefused(error: unknown): boolean {
  if (!APICallError.isInstance(error) || (error.statusCode !== 400 && error.statusCode !== 422)) return false;
  return /response_?format|json_?schema|structured.?output|output_(format|config)/i.test(
    `${error.message} ${error.responseBody ?? ""}`,
  );
}

/** Whether every object names all of its keys and needs them: only such a schema may be told to be strict. */
function isClosed(schema: Json): boolean {
  if (Array.isArray(schema)) return schema.every(isClosed);
  if (typeof schema !== "object" || schema === null) return true;
  if (schema["type"] === "object") {
    const { properties = {}, required = [] } = schema;
    const keys = typeof properties === "object" && properties !== null ? Object.keys(properties) : [];
    const isWhole = Array.isArray(required) && keys.every((key) => required.includes(key));
    if (schema["additionalProperties"] !== false || !isWhole) return false;
  }
  // A list of anything has no type of its items, which strict mode wants.
  if (schema["type"] === "array" && !Object.hasOwn(schema, "items")) return false;
  return Object.values(schema).every(isClosed);
}
