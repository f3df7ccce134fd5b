import { loadSettings } from "../../../config/load.ts";
import type { Written } from "../../../config/rule.ts";
import { settingKeys } from "../../../config/schema.ts";
import type { CommandHandler } from "../../context.ts";
import { settingText } from "./setting-text.ts";

export const handle: CommandHandler<Record<string, never>> = async (_options, context) => {
  const { written, warnings } = await loadSettings({ configFile: context.paths.configFile, env: context.env });
  for (const warning of warnings) context.warn(warning);
  return {
    data: { settings: nest(written) },
    text: settingKeys()
      .map((key) => `${key}: ${settingText(written[key])}`)
      .join("\n"),
  };
};

/** As the file has them: `{"server": {"port": 7234}, "engine": "embedded"}`. */
function nest(written: Record<string, Written>): Record<string, Written | Record<string, Written>> {
  const sections: Record<string, Record<string, Written>> = {};
  const alone: Record<string, Written> = {};
  for (const [key, value] of Object.entries(written)) {
    const [section = "", name] = key.split(".");
    if (name === undefined) alone[section] = value;
    else sections[section] = { ...sections[section], [name]: value };
  }
  return { ...sections, ...alone };
}
