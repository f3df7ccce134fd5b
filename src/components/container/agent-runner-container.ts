import { tarFiles } from "../../docker/archive.ts";
import type { DockerEngine } from "../../docker/engine.ts";
import { isNameConflict } from "../../docker/errors.ts";
import { LABEL } from "../../docker/labels.ts";
import { AppError } from "../../errors.ts";
import { type ContainerSpec, specHash } from "../../stack/spec.ts";

/** Where the token lies in the container; the runner's environment names it. */
export const TOKEN_PATH_IN_CONTAINER = "/run/stigmer/token";
export const WORKSPACE_IN_CONTAINER = "/workspace";

const PIDS_LIMIT = 512;

/**
 * Creates the container of a spec, locked down and without restart policy: the supervisor is the only owner of
 * restarts. @throws AppError CONTAINER_NAME_TAKEN when somebody else took the name meanwhile.
 */
export async function createFromSpec(
  engine: DockerEngine,
  spec: ContainerSpec,
  identity: { instance: string; version: string; runnerId: string },
): Promise<string> {
  try {
    return await engine.createContainer({
      name: spec.containerName,
      image: spec.image,
      labels: {
        [LABEL.managed]: "true",
        [LABEL.instance]: identity.instance,
        [LABEL.component]: spec.name,
        [LABEL.version]: identity.version,
        [LABEL.specHash]: specHash(spec),
        [LABEL.runnerId]: identity.runnerId,
      },
      env: { ...spec.env, STIGMER_RUNNER_ID: identity.runnerId },
      user: spec.user,
      networkMode: spec.networkMode,
      extraHosts: spec.extraHosts,
      binds: [{ hostPath: spec.workspace, containerPath: WORKSPACE_IN_CONTAINER, readOnly: false }],
      memoryBytes: spec.memoryBytes,
      pidsLimit: PIDS_LIMIT,
      command: null,
      init: false,
      logMaxSizeBytes: spec.logMaxSizeBytes,
      logMaxFiles: spec.logMaxFiles,
    });
  } catch (error) {
    if (isNameConflict(error)) throw await nameTaken(engine, spec.containerName, identity.instance, error);
    throw error;
  }
}

/** Puts the token in, readable by the container's user alone, and starts it. */
export async function startWithToken(
  engine: DockerEngine,
  id: string,
  grant: { user: string; token: string },
): Promise<void> {
  const [uid, gid] = grant.user.split(":").map(Number);
  const owner = { uid: uid ?? 0, gid: gid ?? 0 };
  const path = TOKEN_PATH_IN_CONTAINER.slice(1);
  await engine.putArchive(id, "/", tarFiles([{ path, content: grant.token, mode: 0o400, ...owner }]));
  await engine.startContainer(id);
}

export function foreignNameError(name: string, holder: { id: string; image: string }): AppError {
  return new AppError("CONTAINER_NAME_TAKEN", `The container name ${name} is taken by a container that is not ours`, {
    detail: `Container ${holder.id.slice(0, 12)} of image ${holder.image} has that name and none of this stack's labels. It was left alone.`,
    hint: "Free the name, or choose another with agent_runner.container_name.",
    actions: [
      { label: "Remove that container, if you do not need it", command: `docker rm -f ${name}` },
      { label: "Or choose another name", command: "stigmer config set agent_runner.container_name NAME" },
    ],
  });
}

/** Retryable where the holder is gone or our own: a container that is being removed keeps its name to the end. */
async function nameTaken(engine: DockerEngine, name: string, instance: string, cause: unknown): Promise<AppError> {
  const holder = await engine.inspectContainer(name);
  if (holder !== null && holder.labels[LABEL.instance] !== instance) return foreignNameError(name, holder);
  return new AppError("CONTAINER_NAME_TAKEN", `The container name ${name} was taken while it was to be used`, {
    retryable: true,
    actions: [{ label: "Try again", command: "stigmer server start" }],
    cause,
  });
}
