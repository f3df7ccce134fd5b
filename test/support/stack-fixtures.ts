import type { Observed, ObservedContainers, OwnContainer } from "../../src/stack/observed.ts";
import { type ContainerSpec, type ProcessSpec, specHash } from "../../src/stack/spec.ts";

/** A workflow-runner as it should run. */
export function processSpec(changes: Partial<ProcessSpec> = {}): ProcessSpec {
  return {
    name: "workflow-runner",
    runtime: "process",
    dependsOn: [],
    argv: ["node", "main.js"],
    env: { TASK_QUEUE: "workflow_execution_runner" },
    cwd: "/home",
    ...changes,
  };
}

/** An agent-runner container as it should run. */
export function containerSpec(changes: Partial<ContainerSpec> = {}): ContainerSpec {
  return {
    name: "agent-runner",
    runtime: "container",
    dependsOn: [],
    containerName: "stigmer-agent-runner",
    image: "stigmer-agent-runner:local",
    env: { TASK_QUEUE: "agent_execution_runner" },
    user: "10001:10001",
    networkMode: "host",
    extraHosts: [],
    workspace: "/home/workspace",
    memoryBytes: 1024 ** 3,
    logMaxSizeBytes: 1024 ** 2,
    logMaxFiles: 5,
    ...changes,
  };
}

export function containerId(digit: string): string {
  return digit.repeat(64);
}

/** A healthy container of that spec, as Docker would list it. */
export function ownContainer(changes: Partial<OwnContainer> = {}, spec = containerSpec()): OwnContainer {
  return {
    id: containerId("a"),
    name: spec.containerName,
    component: "agent-runner",
    running: true,
    specHash: specHash(spec),
    imageId: "sha256:one",
    runnerId: "runner-a",
    ...changes,
  };
}

export function knownContainers(own: OwnContainer[] = []): ObservedContainers {
  return { kind: "known", own, foreignHolder: null, wantedImageId: "sha256:one" };
}

/** A home where nothing runs and nothing is recorded. */
export function observed(changes: Partial<Observed> = {}): Observed {
  return {
    processes: {},
    strays: [],
    containers: knownContainers(),
    containerIdFile: { kind: "absent" },
    ...changes,
  };
}
