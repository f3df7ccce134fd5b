import type { ContainerInfo, DockerEngine } from "../docker/engine.ts";
import { LABEL } from "../docker/labels.ts";
import { readTextIfExistsSync } from "../platform/files.ts";

export interface ContainerScope {
  containerIdFile: string;
  /** Null when the home has no instance yet: then nothing in Docker can be its own. */
  instance: string | null;
  /** The name that our agent-runner would take, or null; asked last, because it takes the configuration to know. */
  containerName: () => Promise<string | null>;
}

export interface FoundContainer extends ContainerInfo {
  /** Whether it carries this instance's labels. */
  isOurs: boolean;
}

type FindingEngine = Pick<DockerEngine, "inspectContainer" | "listContainers">;

/** The agent-runner's container: by the container-ID file, else by label, else by name. */
export async function findContainer(engine: FindingEngine, scope: ContainerScope): Promise<FoundContainer | null> {
  const id = readContainerId(scope.containerIdFile);
  const recorded = id === null ? null : await engine.inspectContainer(id);
  if (recorded !== null && isOurs(recorded, scope)) return { ...recorded, isOurs: true };

  const labelled = await findByLabel(engine, scope);
  if (labelled !== null) return { ...labelled, isOurs: true };

  const name = await scope.containerName();
  const named = name === null ? null : await engine.inspectContainer(name);
  return named === null ? null : { ...named, isOurs: isOurs(named, scope) };
}

/** The ID in the container-ID file; null when there is none, or none that can be read. */
export function readContainerId(file: string): string | null {
  try {
    const text = readTextIfExistsSync(file, { maxBytes: 1024 })?.trim() ?? "";
    return /^[0-9a-f]{64}$/.test(text) ? text : null;
  } catch {
    return null; // Damaged: `server start` says so; the labels find the container without it.
  }
}

async function findByLabel(engine: FindingEngine, scope: ContainerScope): Promise<ContainerInfo | null> {
  if (scope.instance === null) return null;
  const found = await engine.listContainers([
    `${LABEL.managed}=true`,
    `${LABEL.instance}=${scope.instance}`,
    `${LABEL.component}=agent-runner`,
  ]);
  const best = found.find(({ running }) => running) ?? found[0];
  return best === undefined ? null : engine.inspectContainer(best.id);
}

function isOurs(container: ContainerInfo, scope: ContainerScope): boolean {
  return container.labels[LABEL.managed] === "true" && container.labels[LABEL.instance] === scope.instance;
}
