import { isDeploymentName } from "../../../deploy/deployment-name.ts";
import { down } from "../../../deploy/up/down.ts";
import { notFound } from "../../../deploy/up/status.ts";
import type { CommandHandler } from "../../context.ts";
import { connectForDeployment } from "./connect.ts";
import { withDeploymentLock } from "./up.ts";

export interface DeployDownOptions {
  name: string;
  volumes: boolean;
}

/** `stigmer deploy down`: the jobs stay unless `--volumes`. */
export const handle: CommandHandler<DeployDownOptions> = async ({ name, volumes }, context) => {
  const { env, signal } = context;
  const engine = await connectForDeployment({ env, signal });
  if (!isDeploymentName(name)) throw await notFound(engine, name);
  const { keptVolume } = await withDeploymentLock(name, context, () => down({ engine, name, volumes }));
  const jobs = keptVolume === null ? "" : `; its jobs stay in the volume ${keptVolume}`;
  return { data: { name, keptVolume }, text: `Removed ${name}${jobs}` };
};
