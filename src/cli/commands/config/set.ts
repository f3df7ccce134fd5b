import { setSetting } from "../../../config/edit.ts";
import { requireSettingKey } from "../../../config/known-key.ts";
import type { CommandHandler } from "../../context.ts";
import { reportEdit } from "./report-edit.ts";

export interface ConfigSetOptions {
  key: string;
  value: string;
}

export const handle: CommandHandler<ConfigSetOptions> = async (options, context) => {
  const key = requireSettingKey(options.key);
  return reportEdit(await setSetting(context.paths.configFile, key, options.value), context);
};
