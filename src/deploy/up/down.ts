import type { DockerEngine } from "../../docker/engine.ts";
import { dockerNames } from "../deployment-name.ts";
import { LIMITS } from "../limits.ts";
import { findResources } from "./resources.ts";
import { notFound } from "./status.ts";

export interface DownOptions {
  engine: DockerEngine;
  name: string;
  /** The jobs too. */
  volumes: boolean;
}

export interface Removed {
  /** The volume that holds the jobs still; null when there is none. */
  keptVolume: string | null;
}

/**
 * Removes a deployment: its containers after their grace, its network, its images, and the jobs when asked. Found by label,
 * so that what compose or a killed run made goes too.
 *
 * @throws AppError NOT_FOUND when there is nothing of that name; DOCKER_*.
 */
export async function down({ engine, name, volumes }: DownOptions): Promise<Removed> {
  const found = await findResources(engine, name);
  const { jobsVolume } = dockerNames(name);
  const removable = found.volumes.filter((volume) => volumes || volume.name !== jobsVolume);
  const things = [found.containers, found.networks, found.images, removable];
  if (things.every((list) => list.length === 0)) throw await notFound(engine, name);
  await Promise.all(
    found.containers.map(async ({ id }) => {
      await engine.stopContainer(id, LIMITS.stopGraceSeconds * 1000);
      await engine.removeContainer(id, { force: true });
    }),
  );
  for (const { id } of found.networks) await engine.removeNetwork(id);
  // By name first: an image of several names is removed with its last one.
  for (const { id, tags } of found.images) for (const reference of [...tags, id]) await engine.removeImage(reference);
  for (const volume of removable) await engine.removeVolume(volume.name);
  const isKept = !volumes && found.volumes.some((volume) => volume.name === jobsVolume);
  return { keptVolume: isKept ? jobsVolume : null };
}
