import { requireSettingKey } from "../../../config/known-key.ts";
import { loadSettings } from "../../../config/load.ts";
import type { CommandHandler } from "../../context.ts";
import { settingText } from "./setting-text.ts";

export interface ConfigGetOptions {
  key: string;
}

/** Prints what holds: a flag or variable over the file over the default. */
export const handle: CommandHandler<ConfigGetOptions> = async (options, context) => {
  const key = requireSettingKey(options.key);
  const { written, warnings } = await loadSettings({ configFile: context.paths.configFile, env: context.env });
  for (const warning of warnings) context.warn(warning);
  return { data: { key, value: written[key] }, text: settingText(written[key]) };
};
