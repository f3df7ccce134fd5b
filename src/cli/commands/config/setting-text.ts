import type { Written } from "../../../config/rule.ts";

/** A value on one line, as `config set` takes it back. */
export function settingText(value: Written): string {
  return Array.isArray(value) ? `[${value.join(", ")}]` : String(value);
}
