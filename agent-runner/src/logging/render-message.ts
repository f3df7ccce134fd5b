import type { Mask } from "./mask.ts";

/** `message key=value …`. Strings with blanks, and everything that is not a plain value, stand as JSON. */
export function renderMessage(message: string, fields: Record<string, unknown> | undefined, mask: Mask): string {
  if (fields === undefined) return message;
  let text = message;
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) text += ` ${key}=${renderValue(value, mask)}`;
  }
  return text;
}

function renderValue(value: unknown, mask: Mask): string {
  if (typeof value === "string") return quote(mask.apply(value));
  if (value instanceof Error) return quote(mask.apply(value.message));
  if (typeof value !== "object" || value === null) return String(value);
  try {
    // Masked before it is escaped: a secret with a quote in it reads differently as JSON.
    return JSON.stringify(value, (_key, item: unknown) => (typeof item === "string" ? mask.apply(item) : item));
  } catch {
    return "(unprintable)"; // A cycle or a bigint; a log line must never be the reason for an exception.
  }
}

function quote(text: string): string {
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}
