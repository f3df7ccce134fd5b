import { homedir } from "node:os";
import { loadSettings } from "../../../config/load.ts";
import { connectDocker } from "../../../docker/connect.ts";
import { pullImage } from "../../../image/pull.ts";
import type { CommandHandler } from "../../context.ts";
import { imageText } from "./image-text.ts";

export interface ImagePullOptions {
  reference?: string;
}

export const handle: CommandHandler<ImagePullOptions> = async (options, context) => {
  const { env, paths, signal } = context;
  const { settings, warnings } = await loadSettings({ configFile: paths.configFile, env });
  warnings.forEach(context.warn);
  const { image, registryImage } = settings.agentRunner;
  const status = await pullImage({
    engine: await connectDocker({ env, homeDir: homedir(), signal }),
    reference: options.reference ?? null,
    registryImage,
    image,
    progress: context.progress,
    signal,
  });
  return { data: status, text: imageText(status) };
};
