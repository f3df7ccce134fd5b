import { randomBytes } from "node:crypto";
import { tarFiles } from "../../docker/archive.ts";
import { type DockerEngine, DockerRequestError } from "../../docker/engine.ts";
import { LABEL } from "../../docker/labels.ts";
import { AppError } from "../../errors.ts";
import { CONTAINER_PORT, CONTAINER_USER, DATA_DIRECTORY, type Deployment, HOST_FROM_INSIDE } from "../deployment.ts";
import { dockerNames } from "../deployment-name.ts";
import { DIRECTORY_LABEL, ownLabels, PORT_LABEL } from "../labels.ts";
import { LIMITS } from "../limits.ts";
import { type DeploymentValues, keyFileText } from "./keys.ts";
import { ROLE_LABEL, type Role } from "./resources.ts";

/** Where the keys lie in the container. */
const KEY_FILE = "/run/stigmer/keys.env";

export interface ContainerRequest {
  deployment: Deployment;
  role: Role;
  image: string;
  hostPort: number;
  volume: string;
  values: DeploymentValues;
  /** The generated directory, absolute. */
  directory: string;
}

/**
 * Creates a container of the deployment and puts its keys in as a file that only its user can read, the way the stack's
 * runner gets its token: neither `docker inspect` nor the image nor a folder of the host ever has them. It does not run yet.
 */
export async function createDeploymentContainer(
  engine: Pick<DockerEngine, "createContainer" | "putArchive" | "removeContainer">,
  request: ContainerRequest,
): Promise<string> {
  const { deployment, directory, hostPort, image, role, values, volume } = request;
  const { name, version } = deployment;
  const names = dockerNames(name);
  const id = await engine.createContainer({
    name: `${names.container}-${role}-${randomBytes(4).toString("hex")}`,
    image,
    labels: {
      ...ownLabels(name),
      [LABEL.version]: version,
      [ROLE_LABEL]: role,
      [PORT_LABEL]: String(hostPort),
      [DIRECTORY_LABEL]: directory,
    },
    env: { ...values.settings, SECRETS_FILE: KEY_FILE, STIGMER_LOOPBACK_HOST: HOST_FROM_INSIDE },
    user: CONTAINER_USER,
    networkMode: names.network,
    extraHosts: [`${HOST_FROM_INSIDE}:host-gateway`],
    binds: [],
    volumes: [{ name: volume, containerPath: DATA_DIRECTORY }],
    loopbackPorts: [{ hostPort, containerPort: CONTAINER_PORT }],
    memoryBytes: LIMITS.memoryBytes,
    cpus: LIMITS.cpus,
    pidsLimit: LIMITS.pids,
    command: null,
    init: true,
    keepsHealthcheck: true,
    logMaxSizeBytes: LIMITS.logMaxSizeBytes,
    logMaxFiles: LIMITS.logMaxFiles,
    // Nobody supervises it but Docker. A candidate that dies is to stay dead.
    ...(role === "candidate" ? {} : { restartPolicy: "unless-stopped" as const }),
  });
  try {
    const [uid = 0, gid = 0] = CONTAINER_USER.split(":").map(Number);
    const keys = { path: KEY_FILE.slice(1), content: keyFileText(values.secrets), mode: 0o400, uid, gid };
    await engine.putArchive(id, "/", tarFiles([keys]));
    return id;
  } catch (error) {
    await engine.removeContainer(id, { force: true });
    throw error;
  }
}

/** @throws AppError PORT_IN_USE when somebody was quicker. */
export async function startDeploymentContainer(
  engine: Pick<DockerEngine, "startContainer">,
  id: string,
  hostPort: number,
): Promise<void> {
  try {
    await engine.startContainer(id);
  } catch (error) {
    const isTaken = error instanceof DockerRequestError && /already (allocated|in use)/i.test(error.message);
    if (!isTaken) throw error;
    throw portTaken(hostPort, "somebody took it meanwhile", error);
  }
}

export function portTaken(port: number, owner: string, cause?: unknown): AppError {
  return new AppError("PORT_IN_USE", `The port ${port} is taken: ${owner}`, {
    hint: "Choose another port: --api-port PORT",
    actions: [{ label: "See who listens there", command: `ss -ltnp sport = :${port}` }],
    cause,
  });
}
