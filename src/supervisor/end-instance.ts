import type { ComponentInstance } from "../components/instance.ts";
import type { SupervisedName } from "../stack/component.ts";
import type { Operation } from "../stack/plan.ts";
import type { SupervisorDeps } from "./deps.ts";
import { executeRemoval } from "./execute-removal.ts";
import type { Supervised } from "./supervised.ts";

const GRACE_MS = 5_000;

/** The operation that ends an instance, whatever it runs as. */
export function endOperation(component: SupervisedName, instance: ComponentInstance, reason: string): Operation {
  if (instance.containerId !== null) {
    return { kind: "remove-container", component, id: instance.containerId, running: true, reason };
  }
  return { kind: "terminate-process", component, pid: instance.pid ?? 0, reason };
}

/**
 * Ends an instance that does not do its work, so that it is started again. A container is stopped, not removed: the same
 * one comes back and its log goes on. Never rejects; a failure is logged, and the next look finds the instance again.
 */
export async function endInstance(
  component: Supervised,
  instance: ComponentInstance,
  deps: SupervisorDeps,
  reason: string,
): Promise<void> {
  deps.log.warn(`ending ${component.name}: ${reason}`);
  try {
    if (instance.containerId !== null) {
      const engine = await deps.docker.engine(AbortSignal.timeout(GRACE_MS));
      await engine.stopContainer(instance.containerId, GRACE_MS);
      return;
    }
    await executeRemoval([endOperation(component.name, instance, reason)], {
      paths: deps.paths,
      instance: deps.instance,
      engine: null,
      graceMs: GRACE_MS,
      forceSignal: new AbortController().signal,
      onEvent: () => {},
    });
  } catch (error) {
    deps.log.error(`${component.name} could not be ended: ${error instanceof Error ? error.message : String(error)}`);
  }
}
