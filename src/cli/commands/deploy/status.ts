import { deploymentStatus } from "../../../deploy/up/status.ts";
import type { CommandHandler } from "../../context.ts";
import { connectForDeployment } from "./connect.ts";

export interface DeployStatusOptions {
  name: string;
}

/** `stigmer deploy status`: 0 only when the deployment can take work. */
export const handle: CommandHandler<DeployStatusOptions> = async ({ name }, { env, signal }) => {
  const engine = await connectForDeployment({ env, signal });
  const status = await deploymentStatus(engine, name);
  const rows = [
    ["name", status.name],
    ["state", status.state],
    ["url", status.url],
    ["container", status.containerId.slice(0, 12)],
    ["directory", status.directory],
  ];
  return {
    data: status,
    text: rows.map(([label = "", value]) => `${label.padEnd(10)} ${value}`).join("\n"),
    exitCode: status.state === "running" ? 0 : 1,
  };
};
