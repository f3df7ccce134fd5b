import { LABEL } from "../docker/labels.ts";
import type { Deployment } from "./deployment.ts";

/** Of every container, image, network and volume of a deployment (product.md §13): never `ai.stigmer.instance`. */
export const DEPLOYMENT_LABEL = "ai.stigmer.deployment";
/** The port on the host, and the generated directory: what `status` tells of a container that is stopped, too. */
export const PORT_LABEL = "ai.stigmer.deployment.port";
export const DIRECTORY_LABEL = "ai.stigmer.deployment.directory";

/** Marks of what belongs to the deployment, by which it is found again. */
export function ownLabels(name: string): Record<string, string> {
  return { [LABEL.managed]: "true", [DEPLOYMENT_LABEL]: name };
}

export function imageLabels({ name, version }: Pick<Deployment, "name" | "version">): Record<string, string> {
  return { ...ownLabels(name), [LABEL.version]: version };
}
