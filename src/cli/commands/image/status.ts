import { homedir } from "node:os";
import { loadSettings } from "../../../config/load.ts";
import { connectDocker } from "../../../docker/connect.ts";
import { imageMissing } from "../../../image/missing.ts";
import { imageStatus } from "../../../image/status.ts";
import type { CommandHandler } from "../../context.ts";
import { imageText } from "./image-text.ts";

/** A missing image is an error (exit 6); any other one is described, whatever may be wrong with it. */
export const handle: CommandHandler<Record<never, never>> = async (_options, context) => {
  const { env, paths, signal } = context;
  const { settings, warnings } = await loadSettings({ configFile: paths.configFile, env });
  warnings.forEach(context.warn);
  const reference = settings.agentRunner.image;
  const engine = await connectDocker({ env, homeDir: homedir(), signal });
  const status = await imageStatus({ engine, reference, signal });
  if (status.state === "missing") throw imageMissing(reference);
  return { data: status, text: imageText(status) };
};
