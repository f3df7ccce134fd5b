import type { DockerEngine, ImageInfo } from "../docker/engine.ts";
import { AppError, type ErrorCode } from "../errors.ts";
import { followProgress, ProgressFailure } from "./follow-progress.ts";
import { imageMissing } from "./missing.ts";
import { parseReference, registryOf } from "./reference.ts";
import { classifyRegistryFailure, describeRegistryFailure, type RegistryFailure } from "./registry-failure.ts";
import { type ImageStatus, imageStatus } from "./status.ts";

export interface PushImageOptions {
  engine: Pick<DockerEngine, "info" | "inspectImage" | "pushImage" | "tagImage" | "removeImage">;
  /** Where it is published: `registry/name:tag`. */
  reference: string;
  /** `agent_runner.image`, which is published unless an image has the name `reference` already. */
  image: string;
  /** The package whose sources decide whether it is current; this one unless a test brings its own. */
  root?: string;
  progress: (line: string) => void;
  warn: (sentence: string) => void;
  signal: AbortSignal;
}

const REGISTRY_ANSWER_MS = 20_000;
const PUSH_SILENCE_MS = 120_000;

/**
 * Publishes the image. A name that only the push needs is taken away afterwards, so that the next push takes what
 * `image` names then.
 *
 * @throws AppError IMAGE_MISSING when there is nothing to push, USAGE for an impossible reference, PERMISSION_DENIED
 * when the registry refuses, NOT_FOUND when it is not reached, INTERNAL for an answer that has no better name,
 * DOCKER_*. IMAGE_PULL_FAILED would name the wrong direction, and there is no code for this one.
 */
export async function pushImage(options: PushImageOptions): Promise<ImageStatus> {
  const { engine, image, root, progress, signal } = options;
  const { tag, digest } = parseReference(options.reference);
  if (digest !== null) {
    throw new AppError("USAGE", `"${options.reference}" names a digest, and a registry decides that by itself`, {
      hint: "Push to a tag: stigmer image push REGISTRY/NAME:TAG",
    });
  }
  const target = tag === null ? `${options.reference}:latest` : options.reference;
  const [named, own] = await Promise.all([
    engine.inspectImage(target, { signal }),
    engine.inspectImage(image, { signal }),
  ]);
  if (named === null && own === null) throw imageMissing(image);
  if (named === null) await engine.tagImage(image, target, { signal });
  else warnOfAnother(named, own, { ...options, target });
  try {
    progress(`Pushing ${target}`);
    await push(engine, target, signal);
    return await imageStatus({ engine, reference: target, signal, ...(root === undefined ? {} : { root }) });
  } finally {
    // Not bound to the signal: an interrupted push must not leave the name behind either.
    if (named === null) await engine.removeImage(target);
  }
}

function warnOfAnother(
  named: ImageInfo,
  own: ImageInfo | null,
  { target, image, warn }: Pick<PushImageOptions, "image" | "warn"> & { target: string },
): void {
  if (own === null || own.id === named.id) return;
  warn(`${target} was another image than ${image} here, and it is the one that was pushed`);
}

async function push(engine: PushImageOptions["engine"], target: string, signal: AbortSignal): Promise<void> {
  try {
    await followProgress({
      start: (pushSignal) => engine.pushImage(target, pushSignal),
      onText: () => {},
      firstWordMs: REGISTRY_ANSWER_MS,
      silenceMs: PUSH_SILENCE_MS,
      signal,
    });
  } catch (error) {
    if (error instanceof ProgressFailure) throw pushFailure(target, error);
    throw error;
  }
}

const CODES: Record<RegistryFailure, ErrorCode> = {
  unreachable: "NOT_FOUND",
  "not-found": "NOT_FOUND",
  unauthorised: "PERMISSION_DENIED",
  "wrong-architecture": "INTERNAL",
  "disk-full": "DISK_FULL",
  other: "INTERNAL",
};

function pushFailure(target: string, failure: ProgressFailure): AppError {
  const kind = classifyRegistryFailure(failure.message);
  const registry = registryOf(target);
  const why =
    kind === "unauthorised"
      ? "the registry wants a login, or does not let you write there"
      : describeRegistryFailure(kind, registry);
  const login = { label: "Log in to the registry", command: `docker login${registry === null ? "" : ` ${registry}`}` };
  const again = { label: "Push again", command: `stigmer image push ${target}` };
  return new AppError(CODES[kind], `The image ${target} could not be pushed: ${why}`, {
    detail: failure.message,
    hint: kind === "unauthorised" ? login.command : "Check the name and that the registry is up, then push again",
    retryable: kind === "unreachable",
    actions: kind === "unauthorised" ? [login, again] : [again],
    cause: failure,
  });
}
