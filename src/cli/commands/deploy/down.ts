import { homedir } from "node:os";
import { isDeploymentName } from "../../../deploy/deployment-name.ts";
import { down } from "../../../deploy/up/down.ts";
import { notFound } from "../../../deploy/up/status.ts";
import { connectDocker } from "../../../docker/connect.ts";
import type { CommandHandler } from "../../context.ts";
import { withDeploymentLock } from "./up.ts";

export interface DeployDownOptions {
  name: string;
  volumes: boolean;
}

/** `stigmer deploy down`: the jobs stay unless `--volumes`. */
export const handle: CommandHandler<DeployDownOptions> = async ({ name, volumes }, context) => {
  const { env, signal } = context;
  const engine = await connectDocker({ env, homeDir: homedir(), signal });
  if (!isDeploymentName(name)) throw await notFound(engine, name);
  const { keptVolume } = await withDeploymentLock(name, context, () => down({ engine, name, volumes }));
  const jobs = keptVolume === null ? "" : `; its jobs stay in the volume ${keptVolume}`;
  return { data: { name, keptVolume }, text: `Removed ${name}${jobs}` };
};
