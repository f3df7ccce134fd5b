import { stat } from "node:fs/promises";
import { loadSettings } from "../../../config/load.ts";
import type { Settings } from "../../../config/settings.ts";
import { packageVersion } from "../../../platform/package.ts";
import { askServerForStatus } from "../../../server/read-status.ts";
import type { StackStatus } from "../../../stack/component.ts";
import type { CommandContext, CommandHandler, CommandResult } from "../../context.ts";
import { modelLine } from "./model-line.ts";

export interface StartCommandOptions {
  build: boolean;
  pull: boolean;
  runtime?: "docker" | "process";
  timeoutMs: number;
  dryRun: boolean;
}

export const handle: CommandHandler<StartCommandOptions> = async (options, context) => {
  const { settings, warnings } = await loadSettings({
    configFile: context.paths.configFile,
    env: context.env,
    overrides: { "agent_runner.runtime": options.runtime },
  });
  for (const warning of warnings) context.warn(warning);
  if (options.dryRun) {
    const { planStart } = await import("../../../server/plan-start.ts");
    const lines = await planStart({ paths: context.paths, settings, env: context.env });
    return { data: { plan: lines }, text: lines.join("\n") };
  }
  const { host } = settings.server;
  if (!isLoopback(host)) {
    context.warn(`server.host is ${host}: everybody who reaches that address can talk to the server`);
  }
  context.progress(modelLine(settings));
  const changesImage = options.build || options.pull;
  const running = changesImage ? null : await findReadyStack(context);
  if (running !== null) {
    warnOfOtherRuntime(running, options, context);
    await warnOfChanges(running, settings, context);
    return startResult(running, context);
  }
  const { bringUp, prepareImage } = await import("./bring-up.ts");
  if (changesImage) await prepareImage(options, settings, context);
  const status = await bringUp(context, settings, { timeoutMs: options.timeoutMs, replaceOutdatedImage: changesImage });
  return startResult(status, context);
};

/** What a start answers: the status, as `server status` would. */
export async function startResult(status: StackStatus, context: CommandContext): Promise<CommandResult> {
  for (const warning of status.warnings ?? []) context.warn(warning);
  if (context.globals.json) return { data: status, text: null };
  const { renderStatus } = await import("../../render/status.ts");
  return { data: status, text: renderStatus(status, { color: context.globals.color, nowMs: Date.now() }) };
}

/** A stack of this version with nothing to start and nothing to heal: then a start is only an answer. */
async function findReadyStack(context: CommandContext): Promise<StackStatus | null> {
  const status = await askServerForStatus(context.paths);
  if (status?.state !== "ready" || status.version !== packageVersion()) return null;
  context.progress("Everything runs already.");
  return status;
}

function warnOfOtherRuntime(status: StackStatus, { runtime }: StartCommandOptions, context: CommandContext): void {
  const agentRunner = status.components.find(({ name }) => name === "agent-runner");
  if (runtime === undefined || agentRunner === undefined) return;
  if ((agentRunner.runtime === "container") === (runtime === "docker")) return;
  context.warn(`The agent-runner runs as a ${agentRunner.runtime}; to change that, run \`stigmer server stop\` first`);
}

/** The server read its settings when it started. */
async function warnOfChanges(status: StackStatus, settings: Settings, context: CommandContext): Promise<void> {
  const change = dockerRunnerChange(status, settings) ?? (await configChange(status, context.paths.configFile));
  if (change !== null) context.warn(`${change}: run \`stigmer server restart\``);
}

function dockerRunnerChange({ components }: StackStatus, { dockerRunner }: Settings): string | null {
  const isThere = components.some(({ name }) => name === "docker-runner");
  if (isThere === dockerRunner.enabled) return null;
  const what = isThere ? "still runs" : "is not part of the stack that runs";
  return `docker_runner.enabled is ${dockerRunner.enabled} and docker-runner ${what}`;
}

async function configChange({ components }: StackStatus, configFile: string): Promise<string | null> {
  const startedAt = components.find(({ name }) => name === "stigmer-server")?.startedAt ?? null;
  const written = await stat(configFile).catch(() => null); // No file, or none that can be read: nothing to tell.
  if (written === null || startedAt === null || written.mtimeMs <= Date.parse(startedAt)) return null;
  return `${configFile} was changed since the stack started`;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
