/** What has to be so before anything of a run is made. */
import type { ContainerSummary, DockerEngine } from "../../docker/engine.ts";
import { DockerRequestError } from "../../docker/engine.ts";
import { AppError } from "../../errors.ts";
import { describeOwner, findListener } from "../../platform/ports.ts";
import { dockerNames } from "../deployment-name.ts";
import { DEPLOYMENT_LABEL, ownLabels, PORT_LABEL } from "../labels.ts";
import { portTaken } from "./container.ts";
import { type DeploymentResources, findResources, roleOf, serviceOf } from "./resources.ts";
import type { Undo } from "./undo.ts";

/**
 * Puts right what an earlier run that was killed left behind: what it made goes, the version that it had stopped serves again,
 * and its successor that serves already gets the name.
 *
 * @returns what is there then.
 */
export async function recover(engine: DockerEngine, name: string): Promise<DeploymentResources> {
  const found = await findResources(engine, name);
  const { container, jobsVolume } = dockerNames(name);
  const service = serviceOf(found.containers, name);
  const unfinished = found.containers.filter(
    ({ id, labels }) => id !== service?.id && roleOf({ labels }) !== "service",
  );
  const isHeir = (one: ContainerSummary) => service === null && one.running && roleOf(one) === "next";
  const heir = unfinished.find(isHeir);
  for (const { id } of unfinished.filter((one) => one !== heir)) await engine.removeContainer(id, { force: true });
  if (heir !== undefined) await engine.renameContainer(heir.id, container);
  // Only for its successor does an up stop it; whoever stops it by hand leaves no successor behind.
  if (service?.running === false && unfinished.some((one) => roleOf(one) === "next")) {
    await engine.startContainer(service.id);
  }
  for (const volume of found.volumes.filter((one) => one.name !== jobsVolume)) await engine.removeVolume(volume.name);
  return await findResources(engine, name);
}

/** @throws AppError PORT_IN_USE naming who has it, unless it is the container that is to be replaced. */
export async function requireFreePort(
  engine: DockerEngine,
  port: number,
  service: ContainerSummary | null,
): Promise<void> {
  if (service?.running === true && service.labels[PORT_LABEL] === String(port)) return;
  const others = await engine.listContainers([`${PORT_LABEL}=${port}`]);
  const other = others.find(({ running }) => running);
  if (other !== undefined) throw portTaken(port, `the deployment ${other.labels[DEPLOYMENT_LABEL]} has it`);
  const owner = await findListener(port, "127.0.0.1");
  if (owner !== null) throw portTaken(port, describeOwner(owner, null).sentence);
}

/** @throws AppError CONTAINER_NAME_TAKEN for a container or an image that has a name of the deployment's and not its label. */
export async function requireOwnNames(engine: DockerEngine, name: string): Promise<void> {
  const { container, ...images } = dockerNames(name);
  const isForeign = (holder: { labels: Record<string, string> } | null) =>
    holder !== null && holder.labels[DEPLOYMENT_LABEL] !== name;
  if (isForeign(await engine.inspectContainer(container))) {
    throw nameTaken(`container ${container}`, `docker rm -f ${container}`);
  }
  for (const image of [images.image, images.candidateImage]) {
    if (isForeign(await engine.inspectImage(image))) throw nameTaken(`image ${image}`, `docker rmi ${image}`);
  }
}

/** Makes sure of the jobs volume and the network; each may have been there before. */
export async function ensureShared(
  engine: DockerEngine,
  name: string,
  { networks, volumes }: DeploymentResources,
  undo: Undo,
): Promise<void> {
  const names = dockerNames(name);
  if (!volumes.some((volume) => volume.name === names.jobsVolume)) {
    await createVolume(engine, names.jobsVolume, name);
    undo.push("the volume", () => engine.removeVolume(names.jobsVolume));
  }
  if (networks.some((network) => network.name === names.network)) return;
  try {
    const id = await engine.createNetwork({ name: names.network, labels: ownLabels(name) });
    undo.push("the network", () => engine.removeNetwork(id));
  } catch (error) {
    if (!(error instanceof DockerRequestError && error.statusCode === 409)) throw error;
    throw nameTaken(`network ${names.network}`, `docker network rm ${names.network}`);
  }
}

/** @throws AppError CONTAINER_NAME_TAKEN for a volume of that name that is not the deployment's. */
export async function createVolume(engine: DockerEngine, volume: string, name: string): Promise<void> {
  const { labels } = await engine.createVolume({ name: volume, labels: ownLabels(name) });
  if (labels[DEPLOYMENT_LABEL] !== name) throw nameTaken(`volume ${volume}`, `docker volume rm ${volume}`);
}

function nameTaken(what: string, command: string): AppError {
  return new AppError("CONTAINER_NAME_TAKEN", `The ${what} is not this deployment's, and has its name`, {
    hint: "It was left alone. Choose another name: --name NAME",
    actions: [{ label: "Remove it, if you do not need it", command }],
  });
}
