import { homedir } from "node:os";
import { loadSettings } from "../../../config/load.ts";
import { connectDocker } from "../../../docker/connect.ts";
import { buildImage } from "../../../image/build.ts";
import type { CommandHandler } from "../../context.ts";
import { imageText } from "./image-text.ts";

export interface ImageBuildOptions {
  noCache: boolean;
  base?: string;
  tag?: string;
}

export const handle: CommandHandler<ImageBuildOptions> = async (options, context) => {
  const { env, paths, signal } = context;
  const { settings, warnings } = await loadSettings({ configFile: paths.configFile, env });
  warnings.forEach(context.warn);
  const status = await buildImage({
    engine: await connectDocker({ env, homeDir: homedir(), signal }),
    reference: options.tag ?? settings.agentRunner.image,
    base: options.base ?? null,
    noCache: options.noCache,
    env,
    progress: context.progress,
    signal,
  });
  return { data: status, text: imageText(status) };
};
