import type { ComponentInstance } from "../components/instance.ts";
import type { DockerEngine } from "../docker/engine.ts";
import { endOperation } from "./end-instance.ts";
import { executeRemoval, type RemovalContext } from "./execute-removal.ts";
import type { Supervised } from "./supervised.ts";

/** What one start made, so that its failure takes back that and nothing else. */
export class Created {
  readonly #instances = new Map<Supervised, { instance: ComponentInstance; existedBefore: boolean }>();

  /** `existedBefore`: a stopped container that was started again; it is stopped, not removed. */
  note(component: Supervised, instance: ComponentInstance, existedBefore: boolean): void {
    this.#instances.set(component, { instance, existedBefore });
  }

  /** Ends all of it; returns a sentence for each thing that is left. */
  async undo(engine: DockerEngine | null, reason: string, context: RemovalContext): Promise<string[]> {
    const results = await Promise.allSettled(
      [...this.#instances].map(async ([component, { instance, existedBefore }]) => {
        component.enter({ kind: "stopping" });
        component.instance = null;
        if (existedBefore && instance.containerId !== null) {
          await engine?.stopContainer(instance.containerId, context.graceMs);
        } else {
          await executeRemoval([endOperation(component.name, instance, "the start failed")], context);
        }
        component.enter({ kind: "failed", reason });
      }),
    );
    return results.flatMap((result) =>
      result.status === "rejected" ? [`Something of the failed start is left: ${String(result.reason)}`] : [],
    );
  }
}
