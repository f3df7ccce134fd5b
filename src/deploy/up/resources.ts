/** What of a deployment is in Docker, found by its labels alone. */
import type { ContainerSummary, DockerEngine } from "../../docker/engine.ts";
import type { ImageSummary, NetworkSummary, VolumeSummary } from "../../docker/resources.ts";
import { dockerNames } from "../deployment-name.ts";
import { ownLabels } from "../labels.ts";

/** Which part a container plays; compose gives none, and means the service. */
export const ROLE_LABEL = "ai.stigmer.deployment.role";
export type Role = "service" | "candidate" | "next";

export interface DeploymentResources {
  containers: ContainerSummary[];
  networks: NetworkSummary[];
  volumes: VolumeSummary[];
  images: ImageSummary[];
}

type ListCalls = Pick<DockerEngine, "listContainers" | "listNetworks" | "listVolumes" | "listImages">;

export async function findResources(engine: ListCalls, name: string): Promise<DeploymentResources> {
  const labels = ownFilter(name);
  const [containers, networks, volumes, images] = await Promise.all([
    engine.listContainers(labels),
    engine.listNetworks(labels),
    engine.listVolumes(labels),
    engine.listImages(labels),
  ]);
  return { containers, networks, volumes, images };
}

/** `key=value` of each label that makes it the deployment's. */
export function ownFilter(name: string): string[] {
  return Object.entries(ownLabels(name)).map(([key, value]) => `${key}=${value}`);
}

export function roleOf({ labels }: Pick<ContainerSummary, "labels">): Role {
  const role = labels[ROLE_LABEL];
  return role === "candidate" || role === "next" ? role : "service";
}

/** The one that serves: by its name, since one whose rename was cut short still says that it is the next. */
export function serviceOf(containers: readonly ContainerSummary[], name: string): ContainerSummary | null {
  return containers.find((container) => container.name === dockerNames(name).container) ?? null;
}
