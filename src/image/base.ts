/** The base image of a build: the one asked for, the default, or one assembled here where no registry is reachable. */
import type { DockerEngine } from "../docker/engine.ts";
import { AppError } from "../errors.ts";
import { baseReference } from "./base-recipe.ts";
import { followProgress, ProgressFailure } from "./follow-progress.ts";
import { assembleLocalBase, findBaseTarget } from "./local-base.ts";
import { parseReference, registryOf } from "./reference.ts";
import { classifyRegistryFailure, describeRegistryFailure, type RegistryFailure } from "./registry-failure.ts";

export const DEFAULT_BASE = "node:24-bookworm-slim";

export interface BaseOptions {
  engine: Pick<DockerEngine, "info" | "inspectImage" | "importImage" | "pullImage">;
  /** `--base IMAGE`, or null for the default or a local one. */
  requested: string | null;
  /** Make a local base anew from the newest packages (`--no-cache`). */
  refresh: boolean;
  env: NodeJS.ProcessEnv;
  progress: (line: string) => void;
  signal: AbortSignal;
}

/** A registry that is there answers in far less; without one, this is what every first build here waits. */
const REGISTRY_ANSWER_MS = 5_000;
const PULL_SILENCE_MS = 120_000;

/**
 * Sees to it that a base image is present and returns its reference.
 *
 * @throws AppError USAGE for an impossible reference; IMAGE_PULL_FAILED when the requested base cannot be had;
 * IMAGE_BUILD_FAILED when neither the default nor a local base can; DISK_FULL; DOCKER_*.
 */
export async function ensureBase(options: BaseOptions): Promise<string> {
  const { engine, requested, refresh, env, signal } = options;
  const wanted = requested ?? DEFAULT_BASE;
  parseReference(wanted);
  if ((await engine.inspectImage(wanted, { signal })) !== null) return wanted;
  const target = requested === null ? await findBaseTarget(env) : null;
  const canAssemble = target !== null && !("obstacle" in target);
  if (canAssemble && !refresh) {
    const assembled = baseReference(target);
    if ((await engine.inspectImage(assembled, { signal })) !== null) return assembled;
  }
  const failure = await pullBase(wanted, options);
  if (failure === null) return wanted;
  if (canAssemble) return await assembleLocalBase({ ...options, target });
  throw baseMissing(wanted, failure, target === null ? null : target.obstacle);
}

interface PullFailure {
  kind: RegistryFailure;
  detail: string;
}

async function pullBase(reference: string, options: BaseOptions): Promise<PullFailure | null> {
  options.progress(`Pulling the base image ${reference}`);
  try {
    await followProgress({
      start: (signal) => options.engine.pullImage(reference, signal),
      onText: () => {},
      firstWordMs: REGISTRY_ANSWER_MS,
      silenceMs: PULL_SILENCE_MS,
      signal: options.signal,
    });
    return null;
  } catch (error) {
    if (!(error instanceof ProgressFailure)) throw error;
    const kind = classifyRegistryFailure(error.message);
    if (kind === "disk-full") {
      throw new AppError("DISK_FULL", `The disk is full: the base image ${reference} does not fit`, {
        detail: error.message,
        hint: "Free some space, for example with `docker image prune`",
        cause: error,
      });
    }
    return { kind, detail: error.message };
  }
}

/** `obstacle` says why no local base can be made; null when the user named the base. */
function baseMissing(reference: string, { kind, detail }: PullFailure, obstacle: string | null): AppError {
  const why = describeRegistryFailure(kind, registryOf(reference));
  const otherBase = { label: "Build on another base", command: "stigmer image build --base IMAGE" };
  if (obstacle === null) {
    return new AppError("IMAGE_PULL_FAILED", `The base image ${reference} is not here, and ${why}`, {
      detail,
      hint: "Name a base that Docker has or can pull, or leave --base out",
      actions: [otherBase, { label: "Build on the default base", command: "stigmer image build" }],
    });
  }
  const message = `The base image ${reference} is not here, ${why}, and none can be made: ${obstacle}`;
  return new AppError("IMAGE_BUILD_FAILED", message, {
    detail,
    hint: "Name a base that Docker has or can pull: stigmer image build --base IMAGE; or run without an image: stigmer server start --runtime process",
    actions: [otherBase, { label: "Run without an image", command: "stigmer server start --runtime process" }],
  });
}
