import { homedir } from "node:os";
import type { Settings } from "../../../config/settings.ts";
import { AppError } from "../../../errors.ts";
import { startStack } from "../../../server/start-stack.ts";
import type { StackStatus } from "../../../stack/component.ts";
import type { CommandContext } from "../../context.ts";
import { createStackRenderer } from "../../render/stack-events.ts";
import { lookForModel } from "./model-line.ts";

/** Starts the stack, or joins the one that runs, with its progress on stderr. */
export async function bringUp(
  context: CommandContext,
  settings: Settings,
  options: { timeoutMs: number; replaceOutdatedImage: boolean },
): Promise<StackStatus> {
  const renderer = createStackRenderer(context);
  const tellRollback = (): void =>
    renderer.onEvent({ type: "note", message: "Taking back what was started; interrupt again to leave it as it is" });
  context.signal.addEventListener("abort", tellRollback, { once: true });
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
    context.signal.removeEventListener("abort", tellRollback);
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

/** `--build` and `--pull`: the image is made or fetched here, with its progress, before anything is started. */
export async function prepareImage(
  options: { pull: boolean },
  settings: Settings,
  context: CommandContext,
): Promise<void> {
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
