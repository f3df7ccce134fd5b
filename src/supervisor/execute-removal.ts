import { readContainerIdFile, writeContainerIdFile } from "../components/container/container-id-file.ts";
import { readPidFile, removePidFile } from "../components/process/pid-file.ts";
import type { DockerEngine } from "../docker/engine.ts";
import { AppError } from "../errors.ts";
import { saveLastContainerLog } from "../logs/last-container-log.ts";
import { removeIfExists } from "../platform/files.ts";
import type { HomePaths } from "../platform/paths.ts";
import { identify, type ProcessIdentity } from "../platform/process-identity.ts";
import { environmentOf } from "../platform/process-table.ts";
import { terminate } from "../platform/terminate.ts";
import { COMPONENT_NAMES, type ComponentName } from "../stack/component.ts";
import type { StackEvent, StopReport } from "../stack/events.ts";
import type { Operation } from "../stack/plan.ts";

export interface RemovalContext {
  paths: HomePaths;
  instance: string;
  engine: DockerEngine | null;
  graceMs: number;
  /** Aborted when the user wants no grace any more. */
  forceSignal: AbortSignal;
  onEvent: (event: StackEvent) => void;
}

/** After the grace and the kill, so much longer may the engine take. */
const KILL_MARGIN_MS = 10_000;

/**
 * The one cleanup path, for stop, recovery and rollback: ends processes and containers, forgets their records. All at
 * once, since none depends on another's end. @throws AppError STOP_TIMEOUT and DOCKER_*, after all others are done.
 */
export async function executeRemoval(operations: readonly Operation[], context: RemovalContext): Promise<StopReport> {
  const report: StopReport = { stopped: [], killed: [] };
  const results = await Promise.allSettled(operations.map((operation) => remove(operation, context, report)));
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return report;
}

async function remove(operation: Operation, context: RemovalContext, report: StopReport): Promise<void> {
  const { paths } = context;
  switch (operation.kind) {
    case "forget-pid-file":
      await removePidFile(paths.pidFile(operation.component));
      context.onEvent({
        type: "note",
        message: `Deleted the stale PID file of ${operation.component}: ${operation.reason}`,
      });
      return;
    case "forget-container-id":
      await removeIfExists(paths.containerIdFile);
      return;
    case "record-container-id":
      await writeContainerIdFile(paths.containerIdFile, operation.id);
      return;
    case "terminate-process":
      await track(operation.component, context, report, () => terminateRecorded(operation, context));
      return;
    case "terminate-stray":
      await track(operation.component, context, report, () => terminateStray(operation, context));
      return;
    case "remove-container":
      await track(operation.component, context, report, () => removeContainer(operation, context));
      return;
    default:
      throw new Error(`${operation.kind} removes nothing`);
  }
}

async function track(
  name: string,
  context: RemovalContext,
  report: StopReport,
  end: () => Promise<{ killed: boolean }>,
): Promise<void> {
  const component = COMPONENT_NAMES.find((known) => known === name) ?? null;
  if (component !== null) context.onEvent({ type: "component.stopping", component });
  const startedMs = performance.now();
  const { killed } = await end();
  if (component === null) return;
  remember(report, component, killed);
  context.onEvent({
    type: "component.stopped",
    component,
    durationMs: Math.round(performance.now() - startedMs),
    killed,
  });
}

function remember(report: StopReport, component: ComponentName, killed: boolean): void {
  if (!report.stopped.includes(component)) report.stopped.push(component);
  if (killed && !report.killed.includes(component)) report.killed.push(component);
}

async function terminateRecorded(
  operation: Extract<Operation, { kind: "terminate-process" }>,
  context: RemovalContext,
): Promise<{ killed: boolean }> {
  const path = context.paths.pidFile(operation.component);
  // Read again: between the plan and now it may have ended and its PID may be somebody else's.
  const state = await readPidFile(path, context.instance);
  let killed = false;
  if (state.kind === "alive" && state.identity.pid === operation.pid) {
    ({ killed } = await endProcess(state.identity, context));
  }
  await removePidFile(path);
  return { killed };
}

async function terminateStray(
  operation: Extract<Operation, { kind: "terminate-stray" }>,
  context: RemovalContext,
): Promise<{ killed: boolean }> {
  const identity = await identify(operation.pid);
  const environment = await environmentOf(operation.pid);
  if (identity === null || environment?.["STIGMER_INSTANCE"] !== context.instance) return { killed: false };
  return endProcess(identity, context);
}

/** With its group; the grace ends early when the user forces. */
async function endProcess(identity: ProcessIdentity, context: RemovalContext): Promise<{ killed: boolean }> {
  const { graceMs, forceSignal } = context;
  try {
    return await terminate(identity, { graceMs, group: true, instance: context.instance, signal: forceSignal });
  } catch (error) {
    if (!forceSignal.aborted || error instanceof AppError) throw error;
    return terminate(identity, { graceMs: 0, group: true, instance: context.instance });
  }
}

async function removeContainer(
  operation: Extract<Operation, { kind: "remove-container" }>,
  context: RemovalContext,
): Promise<{ killed: boolean }> {
  const { engine, paths } = context;
  if (engine === null) throw new Error("a container cannot be removed without an engine");
  let killed = false;
  if (operation.running) {
    await endContainer(engine, operation.id, context);
    killed = await wasKilled(engine, operation.id);
  }
  if (operation.component === "agent-runner") {
    await saveLastContainerLog({ engine, containerId: operation.id, file: paths.lastContainerLogFile });
  }
  await engine.removeContainer(operation.id, { force: true, volumes: true });
  const recorded = await readContainerIdFile(paths.containerIdFile);
  if (recorded.kind === "id" && recorded.id === operation.id) await removeIfExists(paths.containerIdFile);
  return { killed };
}

async function endContainer(engine: DockerEngine, id: string, context: RemovalContext): Promise<void> {
  const { graceMs, forceSignal } = context;
  const kill = (): void => {
    // The stop below waits for the end either way and reports what goes wrong.
    engine.killContainer(id, "SIGKILL").catch(() => {});
  };
  if (forceSignal.aborted) kill();
  forceSignal.addEventListener("abort", kill, { once: true });
  try {
    await engine.stopContainer(id, graceMs, { timeoutMs: graceMs + KILL_MARGIN_MS });
  } finally {
    forceSignal.removeEventListener("abort", kill);
  }
}

const KILLED_EXIT_CODE = 137;

async function wasKilled(engine: DockerEngine, id: string): Promise<boolean> {
  const container = await engine.inspectContainer(id);
  return container?.state.exitCode === KILLED_EXIT_CODE;
}
