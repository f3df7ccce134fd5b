import { unsetSetting } from "../../../config/edit.ts";
import { requireSettingKey } from "../../../config/known-key.ts";
import type { CommandHandler } from "../../context.ts";
import { reportEdit } from "./report-edit.ts";

export interface ConfigUnsetOptions {
  key: string;
}

export const handle: CommandHandler<ConfigUnsetOptions> = async (options, context) => {
  const key = requireSettingKey(options.key);
  return reportEdit(await unsetSetting(context.paths.configFile, key), context);
};
