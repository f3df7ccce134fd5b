import { loadSettings } from "../../../config/load.ts";
import type { Settings } from "../../../config/settings.ts";
import { AppError } from "../../../errors.ts";
import { probeServer } from "../../../server/probe.ts";
import { askServerForStatus } from "../../../server/read-status.ts";
import { RemoteStack } from "../../../server/remote-stack.ts";
import { stopStack } from "../../../server/stop-stack.ts";
import type { ComponentName } from "../../../stack/component.ts";
import type { CommandContext, CommandHandler, CommandResult } from "../../context.ts";
import { createStackRenderer } from "../../render/stack-events.ts";
import { bringUp } from "./bring-up.ts";
import { modelLine } from "./model-line.ts";
import { startResult } from "./start.ts";

export interface RestartOptions {
  component?: ComponentName;
  timeoutMs: number;
}

const PROBE_TIMEOUT_MS = 2_000;
const GRACE_MS = 30_000;

export const handle: CommandHandler<RestartOptions> = async (options, context) => {
  const { settings, warnings } = await loadSettings({
    configFile: context.paths.configFile,
    env: context.env,
    overrides: { "agent_runner.runtime": await runningRuntime(context) },
  });
  for (const warning of warnings) context.warn(warning);
  if (options.component !== undefined) await requirePart(options.component, settings, context);
  if (options.component !== undefined && options.component !== "stigmer-server") {
    const restarted = await restartComponent(options.component, options, context);
    if (restarted !== null) return restarted;
  } else {
    const renderer = createStackRenderer(context);
    try {
      await stopStack({
        paths: context.paths,
        env: context.env,
        graceMs: GRACE_MS,
        force: false,
        forceSignal: context.forceSignal,
        onEvent: (event) => renderer.onEvent(event),
      });
    } finally {
      renderer.stop();
    }
    context.signal.throwIfAborted();
  }
  context.progress(modelLine(settings));
  const status = await bringUp(context, settings, { timeoutMs: options.timeoutMs, replaceOutdatedImage: false });
  return startResult(status, context);
};

/** What runs although it was disabled since can be restarted; what is no part of the stack cannot. */
async function requirePart(component: ComponentName, settings: Settings, { paths }: CommandContext): Promise<void> {
  const missing = missingPart(component, settings);
  if (missing === null) return;
  const status = await askServerForStatus(paths);
  if (status?.components.some(({ name }) => name === component)) return;
  throw new AppError("USAGE", `${component} is no part of the stack: ${missing.reason}`, { actions: missing.actions });
}

/** Why these settings have no such component; null when they do. */
function missingPart(component: ComponentName, { dockerRunner, engine }: Settings) {
  if (component === "docker-runner" && !dockerRunner.enabled) {
    const command = "stigmer config set docker_runner.enabled true";
    return {
      reason: "docker_runner.enabled is false",
      actions: [{ label: "Enable it, then restart the stack", command }],
    };
  }
  if (component === "temporal" && engine !== "temporal") return { reason: `engine is ${engine}`, actions: [] };
  return null;
}

/** A stack that was started with `--runtime` comes back as it was; undefined leaves it to the configuration. */
async function runningRuntime(context: CommandContext): Promise<"docker" | "process" | undefined> {
  const status = await askServerForStatus(context.paths);
  const runtime = status?.components.find(({ name }) => name === "agent-runner")?.runtime;
  return runtime === undefined ? undefined : runtime === "container" ? "docker" : "process";
}

/** Null when no server runs: then there is only a start to be made. */
async function restartComponent(
  component: ComponentName,
  options: RestartOptions,
  context: CommandContext,
): Promise<CommandResult | null> {
  const probe = await probeServer(context.paths, PROBE_TIMEOUT_MS);
  if (probe.kind !== "answers") return null;
  const renderer = createStackRenderer(context);
  try {
    const status = await new RemoteStack(probe.client).restart(component, {
      timeoutMs: options.timeoutMs,
      signal: context.signal,
      onEvent: (event) => renderer.onEvent(event),
    });
    return startResult(status, context);
  } finally {
    renderer.stop();
  }
}
