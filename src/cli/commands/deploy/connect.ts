import { homedir } from "node:os";
import { connectDocker } from "../../../docker/connect.ts";
import type { DockerEngine } from "../../../docker/engine.ts";
import { AppError } from "../../../errors.ts";
import type { CommandContext } from "../../context.ts";

const START = "stigmer server start";

/** Docker, for a deployment: what gets a stack going again, with Docker or without, is no help here. */
export async function connectForDeployment({
  env,
  signal,
}: Pick<CommandContext, "env" | "signal">): Promise<DockerEngine> {
  try {
    return await connectDocker({ env, homeDir: homedir(), signal });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const body = error.toBody();
    const actions = body.actions.filter(({ command }) => !command.startsWith(START));
    const [first] = actions;
    const isOfStack = first !== undefined && body.hint?.includes(START) === true;
    const hint = isOfStack ? `${first.label} (${first.command}), then run the command again` : body.hint;
    throw AppError.fromBody({ ...body, hint, actions });
  }
}
