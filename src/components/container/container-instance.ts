import type { ExitReport } from "../exit-reason.ts";
import type { ComponentInstance } from "../instance.ts";

/** A running container; whoever listens to Docker's events tells it that it has ended. */
export interface ContainerInstance extends ComponentInstance {
  readonly containerId: string;
  end(report: ExitReport): void;
}

export function containerInstance(facts: {
  containerId: string;
  imageId: string | null;
  runnerId: string | null;
  startedAt: string;
}): ContainerInstance {
  let settle: (report: ExitReport) => void = () => {};
  const exited = new Promise<ExitReport>((resolve) => {
    settle = resolve;
  });
  return { ...facts, pid: null, service: null, exited, probe: () => {}, end: (report) => settle(report) };
}

export function isContainerInstance(instance: ComponentInstance): instance is ContainerInstance {
  return instance.containerId !== null && "end" in instance;
}
