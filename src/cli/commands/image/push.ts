import { homedir } from "node:os";
import { loadSettings } from "../../../config/load.ts";
import { connectDocker } from "../../../docker/connect.ts";
import { pushImage } from "../../../image/push.ts";
import type { CommandHandler } from "../../context.ts";
import { imageText } from "./image-text.ts";

export interface ImagePushOptions {
  reference: string;
}

export const handle: CommandHandler<ImagePushOptions> = async ({ reference }, context) => {
  const { env, paths, signal } = context;
  const { settings, warnings } = await loadSettings({ configFile: paths.configFile, env });
  warnings.forEach(context.warn);
  const status = await pushImage({
    engine: await connectDocker({ env, homeDir: homedir(), signal }),
    reference,
    image: settings.agentRunner.image,
    progress: context.progress,
    warn: context.warn,
    signal,
  });
  return { data: status, text: imageText(status) };
};
