import type { Edited } from "../../../config/edit.ts";
import { variableOf } from "../../../config/schema.ts";
import type { CommandContext, CommandResult } from "../../context.ts";
import { settingText } from "./setting-text.ts";

/** The value that the file now gives, and what could keep it from holding. */
export function reportEdit({ key, value, changed }: Edited, context: CommandContext): CommandResult {
  const variable = variableOf(key);
  if (context.env[variable]) context.warn(`${variable} is set and wins over ${context.paths.configFile}`);
  else if (changed) context.progress("A running stack takes it at: stigmer server restart");
  return { data: { key, value }, text: `${key}: ${settingText(value)}` };
}
