import type { ExecutionPhase } from "../../../engine/engine.ts";
import type { CommandHandler } from "../../context.ts";
import { ensureServer } from "../../ensure-server.ts";

export interface ExecutionCancelOptions {
  id: string;
  start: boolean;
}

/** One that had ended stays as it is, exit 0. */
export const handle: CommandHandler<ExecutionCancelOptions> = async ({ id, start }, context) => {
  const client = await ensureServer(context, { start });
  const path = `/v1/executions/${encodeURIComponent(id)}/cancel`;
  const data = await client.request<{ executionId: string; phase: ExecutionPhase }>("POST", path);
  return { data, text: `${data.executionId} ${data.phase}` };
};
