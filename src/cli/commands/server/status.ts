import { askServerForStatus } from "../../../server/read-status.ts";
import type { StackStatus } from "../../../stack/component.ts";
import { statusExitCode } from "../../../stack/summary.ts";
import type { CommandContext, CommandHandler } from "../../context.ts";

export interface StatusOptions {
  watch: boolean;
}

export const handle: CommandHandler<StatusOptions> = async (options, context) => {
  if (options.watch) {
    const { watchStatus } = await import("./watch-status.ts");
    await watchStatus(context);
    return null;
  }
  const status = await readStatus(context);
  for (const warning of status.warnings ?? []) context.warn(warning);
  return { data: status, text: await textOf(status, context), exitCode: statusExitCode(status.state) };
};

async function textOf(status: StackStatus, { globals }: CommandContext): Promise<string | null> {
  if (globals.json) return null;
  const { renderStatus } = await import("../../render/status.ts");
  return renderStatus(status, { color: globals.color, nowMs: Date.now() });
}

/** From the server if it answers; else from what it left. Nothing else is loaded while it answers. */
export async function readStatus(context: CommandContext): Promise<StackStatus> {
  const answered = await askServerForStatus(context.paths);
  if (answered !== null) return answered;
  const [{ loadSettings }, { readOrphanedStatus }] = await Promise.all([
    import("../../../config/load.ts"),
    import("../../../server/orphaned-status.ts"),
  ]);
  const { settings, warnings } = await loadSettings({ configFile: context.paths.configFile, env: context.env });
  for (const warning of warnings) context.warn(warning);
  return readOrphanedStatus(context.paths, settings, context.env);
}
