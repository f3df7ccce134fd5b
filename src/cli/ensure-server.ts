import { loadSettings } from "../config/load.ts";
import { AppError } from "../errors.ts";
import { packageVersion } from "../platform/package.ts";
import { ServerClient } from "../server/client.ts";
import { probeServer } from "../server/probe.ts";
import { findSocketPath } from "../server/socket-path.ts";
import { bringUp } from "./commands/server/bring-up.ts";
import { modelLine } from "./commands/server/model-line.ts";
import type { CommandContext } from "./context.ts";

const PROBE_TIMEOUT_MS = 2_000;
const START_TIMEOUT_MS = 60_000;

/**
 * A client of the running server; starts the stack first when it does not run.
 * @throws AppError NOT_RUNNING with `start: false`, VERSION_MISMATCH, and all that a start throws.
 */
export async function ensureServer(context: CommandContext, options: { start: boolean }): Promise<ServerClient> {
  const probe = await probeServer(context.paths, PROBE_TIMEOUT_MS);
  if (probe.kind === "answers" && probe.health.phase === "running") {
    if (probe.health.version !== packageVersion()) throw versionMismatch(probe.health.version);
    return probe.client;
  }
  if (!options.start) {
    throw new AppError("NOT_RUNNING", "The stack is not running", {
      actions: [{ label: "Start it", command: "stigmer server start" }],
    });
  }
  const { settings, warnings } = await loadSettings({ configFile: context.paths.configFile, env: context.env });
  for (const warning of warnings) context.warn(warning);
  context.progress(modelLine(settings));
  await bringUp(context, settings, { timeoutMs: START_TIMEOUT_MS, replaceOutdatedImage: false });
  return new ServerClient(findSocketPath(context.paths));
}

function versionMismatch(running: string): AppError {
  return new AppError(
    "VERSION_MISMATCH",
    `The running server is version ${running}, this command is ${packageVersion()}`,
    {
      actions: [{ label: "Restart the stack with this version", command: "stigmer server restart" }],
    },
  );
}
