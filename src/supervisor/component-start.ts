import { isContainerInstance } from "../components/container/container-instance.ts";
import { proveServerReachable } from "../components/container/reachability.ts";
import { containerRemoved, fromContainerExit } from "../components/exit-reason.ts";
import type { ComponentInstance } from "../components/instance.ts";
import { type DockerEngine, DockerRequestError } from "../docker/engine.ts";
import { AppError } from "../errors.ts";
import { sleep } from "../platform/clock.ts";
import type { StackEvent } from "../stack/events.ts";
import type { Operation } from "../stack/plan.ts";
import type { SupervisorDeps } from "./deps.ts";
import { endOperation } from "./end-instance.ts";
import { executeRemoval, type RemovalContext } from "./execute-removal.ts";
import { awaitWorking, ExitedBeforeReady } from "./readiness.ts";
import { executeStart } from "./start-operation.ts";
import type { Supervised } from "./supervised.ts";
import { workspaceError } from "./workspace-error.ts";

export interface ComponentStartOptions {
  deps: SupervisorDeps;
  engine: DockerEngine | null;
  signal: AbortSignal;
  /** On the monotonic clock. */
  deadlineMs: number;
  /** Of the whole start. */
  timeoutMs: number;
  removal: RemovalContext;
  begin: (component: Supervised, instance: ComponentInstance, operation: Operation) => void;
  emit: (event: StackEvent) => void;
}

/** What an adopted runner may take to find the new server, which it tries every half second; a service answers at once. */
const ADOPTION_TIMEOUT_MS = 5_000;
/** A runner that has not polled by then is asked whether it can reach the server at all. */
const REACHABILITY_DELAY_MS = 2_000;
const LOG_TAIL_LINES = 20;

/** Walks one start operation and awaits the component's readiness. @throws AppError, or the signal's reason. */
export async function startComponent(
  operation: Operation,
  component: Supervised,
  options: ComponentStartOptions,
): Promise<void> {
  const { deps, emit } = options;
  const adopted = isAdoption(operation);
  if (adopted && component.state.kind === "ready") return emit(readyEvent(component, 0, adopted));
  const startedMs = deps.clock.monotonicMs();
  component.underStart = true;
  if (!adopted) component.resetHistory();
  try {
    emit({ type: "component.starting", component: component.name, detail: adopted ? "adopting it" : "starting it" });
    await run(operation, component, options);
  } finally {
    component.underStart = false;
  }
  emit(readyEvent(component, Math.round(deps.clock.monotonicMs() - startedMs), adopted));
}

/** That a component is ready, and what it runs as. */
export function readyEvent(component: Supervised, durationMs: number, adopted: boolean): StackEvent {
  return { type: "component.ready", component: component.name, durationMs, detail: detailOf(component), adopted };
}

async function run(operation: Operation, component: Supervised, options: ComponentStartOptions): Promise<void> {
  const { deps, engine, begin, deadlineMs, signal } = options;
  if (component.instance === null || !isAdoption(operation)) {
    const started = await executeStart({
      operation,
      component,
      engine,
      launcher: deps.launcher,
      signal,
      begin: (target, instance) => begin(target, instance, operation),
    });
    if (!started) return replace(component, options);
  }
  const remainingMs = Math.max(0, deadlineMs - deps.clock.monotonicMs());
  if (!isAdoption(operation)) return awaitReady(component, remainingMs, options);
  try {
    await awaitReady(component, Math.min(remainingMs, ADOPTION_TIMEOUT_MS), options);
  } catch (error) {
    signal.throwIfAborted();
    deps.log.warn(`${component.name} cannot be adopted: ${error instanceof Error ? error.message : String(error)}`);
    await replace(component, options);
  }
}

/** What was there does not work: end it and start a new one. */
async function replace(component: Supervised, options: ComponentStartOptions): Promise<void> {
  if (component.instance !== null) {
    const end = endOperation(component.name, component.instance, "it does not answer");
    component.instance = null;
    await executeRemoval([end], options.removal);
  }
  const { spec } = component;
  const operation: Operation =
    spec.runtime === "process"
      ? { kind: "spawn-process", component: spec.name }
      : {
          kind: "create-container",
          component: spec.name,
          name: spec.containerName,
          image: spec.image,
          imageId: component.imageId,
        };
  await run(operation, component, options);
}

async function awaitReady(component: Supervised, timeoutMs: number, options: ComponentStartOptions): Promise<void> {
  const { deps } = options;
  const instance = component.instance;
  const settled = new AbortController();
  const signal = AbortSignal.any([options.signal, settled.signal]);
  try {
    if (instance === null)
      throw new ExitedBeforeReady(component.name, component.lastExit?.reason ?? "it ended at once");
    const working = awaitWorking({
      component: component.name,
      instance,
      registry: deps.registry,
      timeoutMs,
      limitMs: options.timeoutMs,
      signal,
      clock: deps.clock,
    });
    void noticeEnd(instance, signal, options);
    const hello = await Promise.race([working, proveReachable(component, instance, signal, options)]);
    const workspace = hello?.workspace ?? null;
    if (workspace !== null && !workspace.writable) throw workspaceError(component.spec, workspace);
  } catch (error) {
    if (error instanceof ExitedBeforeReady) throw await exitedError(component, error, deps);
    throw error;
  } finally {
    settled.abort(new Error("settled"));
  }
}

/**
 * Docker's events are followed only once the stack stands, and a container may end before the first of them is heard. So
 * during its start the container itself is waited for.
 */
async function noticeEnd(
  instance: ComponentInstance,
  signal: AbortSignal,
  { engine }: Pick<ComponentStartOptions, "engine">,
): Promise<void> {
  if (engine === null || !isContainerInstance(instance)) return;
  const { containerId } = instance;
  try {
    await engine.waitContainer(containerId, { signal }).catch(rethrowUnlessRefused);
    const found = await engine.inspectContainer(containerId, { signal });
    if (found === null) instance.end(containerRemoved());
    else if (!found.state.running) instance.end(fromContainerExit(found.state.exitCode, found.state.oomKilled));
  } catch {
    // The start is settled, or Docker went away: then its end is told by the start's deadline.
  }
}

/** Never resolves: it only rejects, with the reason why the container cannot reach the server. */
async function proveReachable(
  component: Supervised,
  instance: ComponentInstance,
  signal: AbortSignal,
  { deps, engine }: ComponentStartOptions,
): Promise<never> {
  if (instance.containerId === null || engine === null || component.spec.runtime !== "container") return forever();
  try {
    await sleep(REACHABILITY_DELAY_MS, { clock: deps.clock, signal });
  } catch {
    return forever(); // Settled or aborted: the other side of the race has the answer.
  }
  // A container that does not run any more has a better reason to give: its exit.
  await proveServerReachable(engine, instance.containerId, component.spec).catch(rethrowUnlessRefused);
  return forever();
}

async function exitedError(component: Supervised, error: ExitedBeforeReady, deps: SupervisorDeps): Promise<AppError> {
  const lines = await deps.logTail(component.name, LOG_TAIL_LINES);
  return new AppError("COMPONENT_EXITED", error.message, {
    detail: lines.length > 0 ? `Its last lines:\n${lines.map((line) => `  ${line}`).join("\n")}` : "It logged nothing.",
    actions: [{ label: "Read its whole log", command: `stigmer server logs -c ${component.name} -n all` }],
    cause: error,
  });
}

/** Of a container that has ended or was removed. */
function rethrowUnlessRefused(error: unknown): void {
  if (!(error instanceof DockerRequestError)) throw error;
}

function isAdoption(operation: Operation): boolean {
  return operation.kind === "adopt-process" || operation.kind === "adopt-container";
}

function detailOf(component: Supervised): string {
  const instance = component.instance;
  if (instance === null) return "";
  return instance.containerId === null ? `pid ${instance.pid}` : `container ${instance.containerId.slice(0, 12)}`;
}

function forever(): Promise<never> {
  return new Promise(() => {});
}
