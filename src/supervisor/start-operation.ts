import type { ComponentInstance } from "../components/instance.ts";
import type { DockerEngine } from "../docker/engine.ts";
import type { Operation } from "../stack/plan.ts";
import type { ContainerSpec, ProcessSpec } from "../stack/spec.ts";
import type { Launcher } from "./launcher.ts";
import type { Supervised } from "./supervised.ts";

export interface StartOperationInput {
  operation: Operation;
  component: Supervised;
  engine: DockerEngine | null;
  launcher: Launcher;
  /** Aborted, what would have been made next is not made, and what was made is gone. */
  signal?: AbortSignal;
  begin: (component: Supervised, instance: ComponentInstance) => void;
}

/**
 * Walks one start operation of a plan. `false`: what was to be adopted has ended since the plan was made, so a new
 * plan is due.
 */
export async function executeStart(input: StartOperationInput): Promise<boolean> {
  const { operation, component, launcher, signal } = input;
  signal?.throwIfAborted();
  const begin = (instance: ComponentInstance): void => input.begin(component, instance);
  switch (operation.kind) {
    case "spawn-process":
      begin(await launcher.spawn(processSpec(component)));
      return true;
    case "create-container":
      await launcher.create(engineOf(input), containerSpec(component), { imageId: operation.imageId, signal }, begin);
      return true;
    case "start-container":
      await launcher.start(engineOf(input), containerSpec(component), operation, begin);
      return true;
    case "adopt-process":
      return adopt(await launcher.adoptProcess(processSpec(component)), begin);
    case "adopt-container":
      return adopt(await launcher.adoptContainer(engineOf(input), operation), begin);
    default:
      throw new Error(`${operation.kind} starts nothing`);
  }
}

function adopt(instance: ComponentInstance | null, begin: (instance: ComponentInstance) => void): boolean {
  if (instance === null) return false;
  begin(instance);
  return true;
}

function processSpec(component: Supervised): ProcessSpec {
  if (component.spec.runtime !== "process") throw new Error(`${component.name} does not run as a process`);
  return component.spec;
}

function containerSpec(component: Supervised): ContainerSpec {
  if (component.spec.runtime !== "container") throw new Error(`${component.name} does not run as a container`);
  return component.spec;
}

function engineOf(input: StartOperationInput): DockerEngine {
  if (input.engine === null) throw new Error("a container operation needs an engine");
  return input.engine;
}
