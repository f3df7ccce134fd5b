import type { DockerEngine } from "../docker/engine.ts";
import { AppError } from "../errors.ts";
import { packageVersion } from "../platform/package.ts";
import { followProgress, ProgressFailure } from "./follow-progress.ts";
import { parseReference, registryOf, versionReference } from "./reference.ts";
import { classifyRegistryFailure, describeRegistryFailure } from "./registry-failure.ts";
import { removeReplaced } from "./replaced.ts";
import { type ImageStatus, imageStatus } from "./status.ts";

export interface PullImageOptions {
  engine: Pick<DockerEngine, "info" | "inspectImage" | "pullImage" | "tagImage" | "removeImage">;
  /** What to pull; null takes `registryImage` at this version. */
  reference: string | null;
  /** `agent_runner.registry_image`. */
  registryImage: string | null;
  /** `agent_runner.image`: the name under which `start` looks for it. */
  image: string;
  /** The package whose sources decide whether it is current; this one unless a test brings its own. */
  root?: string;
  progress: (line: string) => void;
  signal: AbortSignal;
}

/** An engine tries a dead address for 15 s by itself; one without DNS answers at once. */
const REGISTRY_ANSWER_MS = 20_000;
const PULL_SILENCE_MS = 120_000;

/**
 * Pulls the image and gives it the name that `start` runs.
 *
 * @throws AppError USAGE when there is nothing to pull or no such reference can be, IMAGE_PULL_FAILED with its cause,
 * DISK_FULL, DOCKER_*.
 */
export async function pullImage(options: PullImageOptions): Promise<ImageStatus> {
  const { engine, image, root, progress, signal } = options;
  const source = sourceReference(options.reference, options.registryImage);
  const replaced = await engine.inspectImage(image, { signal });
  progress(`Pulling ${source}`);
  try {
    await followProgress({
      start: (pullSignal) => engine.pullImage(source, pullSignal),
      onText: () => {},
      firstWordMs: REGISTRY_ANSWER_MS,
      silenceMs: PULL_SILENCE_MS,
      signal,
    });
  } catch (error) {
    if (error instanceof ProgressFailure) throw pullFailure(source, error);
    throw error;
  }
  if (source !== image) await engine.tagImage(source, image, { signal });
  const status = await imageStatus({ engine, reference: image, signal, ...(root === undefined ? {} : { root }) });
  if (replaced !== null && replaced.id !== status.imageId) await removeReplaced(engine, replaced.id, signal);
  return status;
}

function sourceReference(reference: string | null, registryImage: string | null): string {
  if (reference !== null) {
    const { tag, digest } = parseReference(reference);
    // An engine takes a name without a tag for every tag of the repository.
    return tag === null && digest === null ? `${reference}:latest` : reference;
  }
  if (registryImage !== null) return versionReference(parseReference(registryImage).repository, packageVersion());
  throw new AppError(
    "USAGE",
    "There is nothing to pull: no image was named, and agent_runner.registry_image is not set",
    {
      hint: "Name the image, or set where it is published once for all",
      actions: [
        { label: "Pull an image by name", command: "stigmer image pull REGISTRY/NAME:TAG" },
        { label: "Set the registry", command: "stigmer config set agent_runner.registry_image REGISTRY/NAME" },
      ],
    },
  );
}

function pullFailure(source: string, failure: ProgressFailure): AppError {
  const kind = classifyRegistryFailure(failure.message);
  const registry = registryOf(source);
  const buildInstead = { label: "Build the image here instead", command: "stigmer image build" };
  if (kind === "disk-full") {
    return new AppError("DISK_FULL", `The disk is full: ${source} does not fit`, {
      detail: failure.message,
      hint: "Free some space, for example with `docker image prune`, and pull again",
      actions: [{ label: "Pull again", command: `stigmer image pull ${source}` }],
      cause: failure,
    });
  }
  const login = { label: "Log in to the registry", command: `docker login${registry === null ? "" : ` ${registry}`}` };
  return new AppError(
    "IMAGE_PULL_FAILED",
    `The image ${source} could not be pulled: ${describeRegistryFailure(kind, registry)}`,
    {
      detail: failure.message,
      hint: "Check the name and that the registry is up, or build the image here: stigmer image build",
      retryable: kind === "unreachable",
      actions: kind === "unauthorised" ? [login, buildInstead] : [buildInstead],
      cause: failure,
    },
  );
}
