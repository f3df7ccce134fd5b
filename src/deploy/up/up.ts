import { randomBytes } from "node:crypto";
import { type ContainerSummary, type DockerEngine, DockerRequestError } from "../../docker/engine.ts";
import { sleep, systemClock } from "../../platform/clock.ts";
import { pickFreePort } from "../../platform/ports.ts";
import { dockerNames } from "../deployment-name.ts";
import type { Generated } from "../generate.ts";
import { LIMITS } from "../limits.ts";
import { awaitHealthy } from "./await-healthy.ts";
import { buildDeploymentImage } from "./build-image.ts";
import { type ContainerRequest, createDeploymentContainer, startDeploymentContainer } from "./container.ts";
import type { DeploymentValues } from "./keys.ts";
import { createVolume, ensureShared, recover, requireFreePort, requireOwnNames } from "./prepare.ts";
import { findResources, serviceOf } from "./resources.ts";
import { Undo } from "./undo.ts";

export interface UpOptions {
  engine: DockerEngine;
  generated: Generated;
  /** Where the files are, absolute. */
  directory: string;
  values: DeploymentValues;
  /** How long a container may take until it is healthy. */
  timeoutMs: number;
  env: NodeJS.ProcessEnv;
  /** Puts the files into the directory, once it is known that Docker, the names and the port are to be had. */
  writeDirectory: () => Promise<void>;
  progress: (line: string) => void;
  signal: AbortSignal;
}

/**
 * Builds a deployment, proves it, and puts it in the place of the one before. Whatever fails, what this run made is removed
 * and the one before runs on, or again.
 *
 * @returns the ID of the container that serves.
 * @throws AppError PORT_IN_USE, CONTAINER_NAME_TAKEN, IMAGE_BUILD_FAILED, COMPONENT_EXITED, START_TIMEOUT, DOCKER_*, ….
 */
export async function up(options: UpOptions): Promise<string> {
  const { engine, generated, progress, signal } = options;
  const { apiPort, name } = generated.deployment;
  await requireOwnNames(engine, name);
  const found = await recover(engine, name);
  const previous = serviceOf(found.containers, name);
  await requireFreePort(engine, apiPort, previous);
  await options.writeDirectory();
  const undo = new Undo();
  let id: string;
  try {
    const names = dockerNames(name);
    undo.push("the image", () => engine.removeImage(names.candidateImage, { force: true }));
    undo.push("intermediate images", () => removeUnusedToTheEnd(engine, name));
    await buildDeploymentImage({ ...options, tag: names.candidateImage });
    await ensureShared(engine, name, found, undo);
    if (previous?.running === true) await prove(options);
    id = await replace(options, previous, undo);
  } catch (error) {
    await undo.run(progress);
    signal.throwIfAborted();
    throw error;
  }
  progress(`${name} is healthy`);
  await settle(engine, name, { id, previous });
  return id;
}

/** Runs the candidate beside the one that serves, on another port and on data of its own. */
async function prove(options: UpOptions): Promise<void> {
  const { engine, generated, progress } = options;
  const { name } = generated.deployment;
  progress("Proving the candidate");
  const volume = `${name}-candidate-${randomBytes(4).toString("hex")}`;
  const undo = new Undo();
  try {
    undo.push("the scratch volume", () => engine.removeVolume(volume));
    await createVolume(engine, volume, name);
    const hostPort = await pickFreePort("127.0.0.1");
    const request = requestOf(options, { role: "candidate", hostPort, volume });
    const id = await createDeploymentContainer(engine, request);
    undo.push("the candidate", () => engine.removeContainer(id, { force: true }));
    await startDeploymentContainer(engine, id, hostPort);
    await awaitHealthy({ ...options, id, port: hostPort });
  } finally {
    await undo.run(progress);
  }
}

/** From here to the new one's health nobody serves: everything that can be done before has been. */
async function replace(options: UpOptions, previous: ContainerSummary | null, undo: Undo): Promise<string> {
  const { engine, generated, signal } = options;
  const { apiPort, name } = generated.deployment;
  options.progress(`Starting ${name}`);
  const request = requestOf(options, { role: "next", hostPort: apiPort, volume: dockerNames(name).jobsVolume });
  if (previous?.running === true) undo.push("the stop of the one before", () => engine.startContainer(previous.id));
  await nameImage(engine, name, undo);
  const id = await createDeploymentContainer(engine, request);
  undo.push("the new container", () => engine.removeContainer(id, { force: true }));
  signal.throwIfAborted();
  if (previous?.running === true) await handOver(engine, previous.id);
  await startDeploymentContainer(engine, id, apiPort);
  await awaitHealthy({ ...options, id, port: apiPort });
  return id;
}

/**
 * The one before puts its jobs down at once, and the new one goes on with them: until then nobody serves. A server that
 * does not end by it is stopped like any other.
 */
async function handOver(engine: DockerEngine, id: string): Promise<void> {
  try {
    await engine.killContainer(id, "SIGUSR2");
    await engine.waitContainer(id, { signal: AbortSignal.timeout(HANDOVER_MS) });
  } catch (error) {
    // It had ended already, or takes its time.
    const isLate = error instanceof Error && error.name === "TimeoutError";
    if (!isLate && !(error instanceof DockerRequestError)) throw error;
  }
  await engine.stopContainer(id, LIMITS.stopGraceSeconds * 1000);
}

const HANDOVER_MS = 5_000;

/** A container tells the name that its image had when it was made. */
async function nameImage(engine: DockerEngine, name: string, undo: Undo): Promise<void> {
  const { candidateImage, image } = dockerNames(name);
  const before = await engine.inspectImage(image);
  undo.push("the image's name", () =>
    before === null ? engine.removeImage(image) : engine.tagImage(before.id, image),
  );
  await engine.tagImage(candidateImage, image);
}

/** The new one serves: it gets the names, and what came before it goes. */
async function settle(
  engine: DockerEngine,
  name: string,
  { id, previous }: { id: string; previous: ContainerSummary | null },
): Promise<void> {
  const names = dockerNames(name);
  if (previous !== null) await engine.removeContainer(previous.id, { force: true });
  await engine.renameContainer(id, names.container);
  await engine.removeImage(names.candidateImage);
  await removeUnused(engine, name);
}

/** Docker ends the step at which its client left it, and keeps the result; so it is looked for until none comes any more. */
async function removeUnusedToTheEnd(engine: DockerEngine, name: string): Promise<void> {
  for (let quiet = 0; quiet < QUIET_LOOKS; ) {
    quiet = (await removeUnused(engine, name)) === 0 ? quiet + 1 : 0;
    if (quiet < QUIET_LOOKS) await sleep(LOOK_INTERVAL_MS, { clock: systemClock });
  }
}

const QUIET_LOOKS = 3;
const LOOK_INTERVAL_MS = 150;

/**
 * Images of this deployment that have no name: intermediate stages, and those that a newer one replaced. @returns how many
 * went.
 */
async function removeUnused(engine: DockerEngine, name: string): Promise<number> {
  for (let removed = 0; ; ) {
    const { containers, images } = await findResources(engine, name);
    const used = new Set(containers.map(({ imageId }) => imageId));
    const unused = images.filter((image) => image.tags.length === 0 && !used.has(image.id));
    const results = await Promise.allSettled(unused.map(({ id }) => engine.removeImage(id, { force: true })));
    const gone = results.filter(({ status }) => status === "fulfilled").length;
    const [failure] = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
    if (failure === undefined) return removed + gone;
    // An image that others were made from goes after them.
    if (gone === 0) throw failure;
    removed += gone;
  }
}

function requestOf(
  { directory, generated, values }: UpOptions,
  rest: Pick<ContainerRequest, "role" | "hostPort" | "volume">,
): ContainerRequest {
  const { deployment } = generated;
  const names = dockerNames(deployment.name);
  const image = rest.role === "candidate" ? names.candidateImage : names.image;
  return { deployment, directory, values, image, ...rest };
}
