import { AppError } from "../../../errors.ts";
import { probeServer } from "../../../server/probe.ts";
import { RemoteStack } from "../../../server/remote-stack.ts";
import { planStop, stopStack } from "../../../server/stop-stack.ts";
import type { ComponentName } from "../../../stack/component.ts";
import type { StopReport } from "../../../stack/events.ts";
import { formatPlan } from "../../../stack/plan.ts";
import { reconcile } from "../../../stack/reconcile.ts";
import type { CommandContext, CommandHandler, CommandResult } from "../../context.ts";
import { createStackRenderer } from "../../render/stack-events.ts";

export interface StopCommandOptions {
  component?: ComponentName;
  timeoutMs: number;
  force: boolean;
  dryRun: boolean;
}

const PROBE_TIMEOUT_MS = 2_000;

export const handle: CommandHandler<StopCommandOptions> = async (options, context) => {
  if (options.component !== undefined) return stopComponent(options.component, options, context);
  if (options.dryRun) return planText(await planWholeStop(context));
  const renderer = createStackRenderer(context);
  const onFirstSignal = (): void => {
    context.progress("Still stopping; Ctrl-C again ends the grace and kills.");
  };
  context.signal.addEventListener("abort", onFirstSignal, { once: true });
  try {
    const report = await stopStack({
      paths: context.paths,
      env: context.env,
      graceMs: options.timeoutMs,
      force: options.force,
      forceSignal: context.forceSignal,
      onEvent: (event) => renderer.onEvent(event),
    });
    return describe(report);
  } finally {
    context.signal.removeEventListener("abort", onFirstSignal);
    renderer.stop();
  }
};

async function stopComponent(
  component: ComponentName,
  options: StopCommandOptions,
  context: CommandContext,
): Promise<CommandResult> {
  if (component === "stigmer-server") {
    throw new AppError("USAGE", "The server is not stopped alone: the others would run without it", {
      actions: [{ label: "Stop the whole stack", command: "stigmer server stop" }],
    });
  }
  const probe = await probeServer(context.paths, PROBE_TIMEOUT_MS);
  if (probe.kind !== "answers") {
    if ((await planWholeStop(context)).length === 0) return describe({ stopped: [], killed: [] });
    throw new AppError("NOT_RUNNING", "The server is not running, so it can stop no single component", {
      actions: [{ label: "Clean up what is left of it", command: "stigmer server stop" }],
    });
  }
  if (options.dryRun) return planText([`${component}: stop it`]);
  const renderer = createStackRenderer(context);
  try {
    const report = await new RemoteStack(probe.client).down({
      component,
      graceMs: options.timeoutMs,
      force: options.force,
      signal: context.signal,
      onEvent: (event) => renderer.onEvent(event),
    });
    return describe(report);
  } finally {
    renderer.stop();
  }
}

/** A line an operation; empty when nothing of the stack is there. */
async function planWholeStop({ paths, env }: CommandContext): Promise<string[]> {
  const { observed, server } = await planStop({ paths, env });
  const operations = observed === null ? [] : formatPlan(reconcile([], observed, { kind: "down" }));
  return [...operations, ...(server === null ? [] : [`stigmer-server: end process ${server}`])];
}

function planText(lines: string[]): CommandResult {
  return { data: { plan: lines }, text: lines.length > 0 ? lines.join("\n") : "Nothing to do." };
}

function describe(report: StopReport): CommandResult {
  const killed = report.killed.length > 0 ? ` (killed after the grace: ${report.killed.join(", ")})` : "";
  const text = report.stopped.length === 0 ? "Nothing was running." : `Stopped ${report.stopped.join(", ")}.${killed}`;
  return { data: report, text };
}
