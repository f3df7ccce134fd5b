import { homedir } from "node:os";
import { loadSettings } from "../../../config/load.ts";
import type { Settings } from "../../../config/settings.ts";
import { AppError } from "../../../errors.ts";
import { startStack } from "../../../server/start-stack.ts";
import type { StackStatus } from "../../../stack/component.ts";
import type { CommandContext, CommandHandler, CommandResult } from "../../context.ts";
import { createStackRenderer } from "../../render/stack-events.ts";
import { renderStatus } from "../../render/status.ts";
import { lookForModel, modelLine } from "./model-line.ts";

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
  if (!isLoopback(settings.server.host)) {
    context.warn(`server.host is ${settings.server.host}: everybody who reaches that address can talk to the server`);
  }
  if (options.build || options.pull) await prepareImage(options, settings, context);
  const status = await bringUp(context, settings, {
    timeoutMs: options.timeoutMs,
    replaceOutdatedImage: options.build || options.pull,
  });
  return startResult(status, context);
};

/** Starts the stack, or joins the one that runs, with its progress on stderr. */
export async function bringUp(
  context: CommandContext,
  settings: Settings,
  options: { timeoutMs: number; replaceOutdatedImage: boolean },
): Promise<StackStatus> {
  const renderer = createStackRenderer(context);
  context.progress(modelLine(settings));
  let model: { report: () => Promise<void> } | null = null;
  const start = (): Promise<StackStatus> =>
    startStack({
      paths: context.paths,
      settings,
      env: context.env,
      logLevel: context.globals.debug ? "debug" : "info",
      signal: context.signal,
      forceSignal: context.forceSignal,
      onEvent: (event) => {
        // A start that finds everything running has nothing to look for.
        if (event.type === "component.starting") model ??= lookForModel(settings, context);
        renderer.onEvent(event);
      },
      ...options,
    });
  try {
    const status = await start().catch((error: unknown) => pullAndRetry(error, start, settings, context));
    await (model as { report: () => Promise<void> } | null)?.report();
    return status;
  } finally {
    renderer.stop();
  }
}

/** `agent_runner.pull: missing` fetches an image that is not there, once. */
async function pullAndRetry(
  error: unknown,
  start: () => Promise<StackStatus>,
  settings: Settings,
  context: CommandContext,
): Promise<StackStatus> {
  const isMissing = error instanceof AppError && error.code === "IMAGE_MISSING";
  if (!isMissing || settings.agentRunner.pull !== "missing") throw error;
  await prepareImage({ pull: true }, settings, context);
  return start();
}

export function startResult(status: StackStatus, context: CommandContext): CommandResult {
  for (const warning of status.warnings ?? []) context.warn(warning);
  const text = context.globals.json ? null : renderStatus(status, { color: context.globals.color, nowMs: Date.now() });
  return { data: status, text };
}

/** `--build` and `--pull`: the image is made or fetched here, with its progress, before anything is started. */
async function prepareImage(options: { pull: boolean }, settings: Settings, context: CommandContext): Promise<void> {
  const { connectDocker } = await import("../../../docker/connect.ts");
  const { env, signal, progress } = context;
  const { image, registryImage } = settings.agentRunner;
  const engine = await connectDocker({ env, homeDir: homedir(), signal });
  if (options.pull) {
    const { pullImage } = await import("../../../image/pull.ts");
    await pullImage({ engine, reference: null, registryImage, image, progress, signal });
    return;
  }
  const { buildImage } = await import("../../../image/build.ts");
  await buildImage({ engine, reference: image, base: null, noCache: false, env, progress, signal });
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
