import type { DockerEngine } from "../../docker/engine.ts";
import { LABEL } from "../../docker/labels.ts";
import type { ObservedContainers } from "../../stack/observed.ts";

export interface ContainerScope {
  instance: string;
  /** The name that our agent-runner would take; null when it runs as a process. */
  containerName: string | null;
  /** What it would be made from; null when nothing is to be made. */
  image: string | null;
}

/** Every container that carries this instance's labels, and who holds our name without them. */
export async function observeContainers(engine: DockerEngine, scope: ContainerScope): Promise<ObservedContainers> {
  const [own, holder, image] = await Promise.all([
    engine.listContainers([`${LABEL.managed}=true`, `${LABEL.instance}=${scope.instance}`]),
    scope.containerName === null ? null : engine.inspectContainer(scope.containerName),
    scope.image === null ? null : engine.inspectImage(scope.image),
  ]);
  const isOurs = holder?.labels[LABEL.managed] === "true" && holder.labels[LABEL.instance] === scope.instance;
  return {
    kind: "known",
    own: own.map((container) => ({
      id: container.id,
      name: container.name,
      component: container.labels[LABEL.component] ?? "unknown",
      running: container.running,
      specHash: container.labels[LABEL.specHash] ?? null,
      imageId: container.imageId,
      runnerId: container.labels[LABEL.runnerId] ?? null,
    })),
    foreignHolder: holder === null || isOurs ? null : { id: holder.id, name: holder.name, image: holder.image },
    wantedImageId: image?.id ?? null,
  };
}
