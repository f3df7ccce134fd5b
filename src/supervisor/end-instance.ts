import type { ComponentInstance } from "../components/instance.ts";
import type { SupervisedName } from "../stack/component.ts";
import type { Operation } from "../stack/plan.ts";

/** The operation that ends an instance, whatever it runs as. */
export function endOperation(component: SupervisedName, instance: ComponentInstance, reason: string): Operation {
  if (instance.containerId !== null) {
    return { kind: "remove-container", component, id: instance.containerId, running: true, reason };
  }
  return { kind: "terminate-process", component, pid: instance.pid ?? 0, reason };
}
