import type { CommandHandler } from "../../context.ts";

/** Whether or not the file exists. */
export const handle: CommandHandler<Record<string, never>> = async (_options, context) => {
  const path = context.paths.configFile;
  return { data: { path }, text: path };
};
