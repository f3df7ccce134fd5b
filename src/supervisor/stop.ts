import type { DockerEngine } from "../docker/engine.ts";
import type { DownOptions, StopReport } from "../stack/events.ts";
import type { Operation } from "../stack/plan.ts";
import { reconcile } from "../stack/reconcile.ts";
import type { SupervisorDeps } from "./deps.ts";
import { endOperation } from "./end-instance.ts";
import { executeRemoval, type RemovalContext } from "./execute-removal.ts";
import { logEvent } from "./log-event.ts";
import { type DockerForStop, observeForStop } from "./observe-for-stop.ts";
import type { Supervised } from "./supervised.ts";

export interface StopInput {
  deps: SupervisorDeps;
  options: DownOptions;
  /** Aborted when the user wants no grace any more. */
  forceSignal: AbortSignal;
}

/** How long a stop waits for Docker to answer before it goes on without it. */
const DOCKER_FOR_STOP_MS = 5_000;

/**
 * Ends everything of the instance, known to this supervisor or not. @throws AppError STOP_TIMEOUT; DOCKER_* when a
 * recorded container could not be reached, everything else being gone.
 */
export async function stopEverything(components: readonly Supervised[], input: StopInput): Promise<StopReport> {
  const { deps, options } = input;
  for (const component of components) beginStop(component);
  // A restart that was under way finishes first; what it started is then seen and ended.
  const releases = await Promise.all(components.map((component) => component.mutex.acquire()));
  try {
    for (const component of components) beginStop(component);
    const { paths, instance, scope } = deps;
    const { observed, docker } = await observeForStop({ paths, instance, scope }, await findDocker(input));
    const plan = reconcile([], observed, { kind: "down" });
    for (const message of plan.warnings) options.onEvent({ type: "warning", message });
    const report = await executeRemoval(plan.recovery, removalContext(docker.engine, input));
    for (const component of components) {
      component.instance = null;
      component.enter({ kind: "stopped", byUser: false });
    }
    if (docker.error !== null && observed.containerIdFile.kind === "id") throw docker.error;
    return report;
  } finally {
    for (const release of releases) release();
  }
}

/** Ends one component, which then stays down until the next start. */
export async function stopComponent(component: Supervised, input: StopInput): Promise<StopReport> {
  const { deps, options } = input;
  const release = await component.mutex.acquire();
  try {
    const { instance, containerId } = component;
    beginStop(component);
    component.instance = null;
    const operation = endOf(component, instance, containerId);
    const engine = containerId === null ? null : await deps.docker.engine(options.signal);
    const report = await executeRemoval(operation === null ? [] : [operation], removalContext(engine, input));
    if (instance !== null && instance.runnerId !== null) deps.registry.runnerDied(instance.runnerId);
    component.containerId = null;
    component.resetHistory();
    component.enter({ kind: "stopped", byUser: true });
    return report;
  } catch (error) {
    component.enter({ kind: "failed", reason: error instanceof Error ? error.message : String(error) });
    throw error;
  } finally {
    release();
  }
}

function beginStop(component: Supervised): void {
  component.cancelRetry();
  if (component.state.kind !== "stopping") component.enter({ kind: "stopping" });
}

function endOf(component: Supervised, instance: Supervised["instance"], containerId: string | null): Operation | null {
  if (instance !== null) return endOperation(component.name, instance, "stop");
  if (containerId === null) return null;
  return { kind: "remove-container", component: component.name, id: containerId, running: false, reason: "stop" };
}

async function findDocker({ deps, options }: StopInput): Promise<DockerForStop> {
  if (!deps.needsDocker()) return { engine: null, error: null };
  try {
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(DOCKER_FOR_STOP_MS)]);
    const engine = await deps.docker.engine(signal);
    await engine.ping({ timeoutMs: DOCKER_FOR_STOP_MS });
    return { engine, error: null };
  } catch (error) {
    return { engine: null, error }; // Matters only if a container is known to exist; the caller sees.
  }
}

function removalContext(engine: DockerEngine | null, { deps, options, forceSignal }: StopInput): RemovalContext {
  return {
    paths: deps.paths,
    instance: deps.instance,
    engine,
    graceMs: options.force ? 0 : options.graceMs,
    forceSignal,
    onEvent: (event) => {
      logEvent(deps.log, event);
      options.onEvent(event);
    },
  };
}
