import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { type ArchiveFile, tarFiles } from "../../docker/archive.ts";
import type { DockerEngine } from "../../docker/engine.ts";
import { AppError, systemErrorCode } from "../../errors.ts";
import { type BaseOptions, DEFAULT_BASE, ensureBase } from "../../image/base.ts";
import { isLocalBase } from "../../image/base-recipe.ts";
import { isDiskFull, lastLines } from "../../image/failure-text.ts";
import { followProgress, ProgressFailure } from "../../image/follow-progress.ts";
import { toFileError } from "../../platform/file-error.ts";
import type { Deployment } from "../deployment.ts";
import type { Generated } from "../generate.ts";
import { ownLabels } from "../labels.ts";
import { imageContents } from "../templates/image-contents.ts";

export interface BuildDeploymentImage extends Omit<BaseOptions, "engine" | "requested" | "refresh"> {
  engine: BaseOptions["engine"] & Pick<DockerEngine, "buildImage" | "listImages">;
  generated: Generated;
  /** What is built: the files on disk, so that those changed by hand count. */
  directory: string;
  tag: string;
}

/** A step may be silent this long. */
const STEP_SILENCE_MS = 300_000;
const DOCKERFILE = "Dockerfile";

/**
 * Builds the image of a generated directory through the Engine API, on a base that needs no registry where none answers.
 *
 * @throws AppError IMAGE_BUILD_FAILED with the build's last lines; IMAGE_PULL_FAILED, DISK_FULL, DOCKER_*.
 */
export async function buildDeploymentImage(options: BuildDeploymentImage): Promise<void> {
  const { directory, engine, generated, progress, signal, tag } = options;
  const context = await readContext(directory, generated.deployment);
  const base = await findBase(options, context);
  progress(`Building ${tag} on ${base}`);
  const said: string[] = [];
  try {
    await followProgress({
      start: (buildSignal) =>
        engine.buildImage({
          context: Readable.from([tarFiles(context)]),
          dockerfile: DOCKERFILE,
          tags: [tag],
          buildArgs: { BASE_IMAGE: base },
          labels: ownLabels(generated.deployment.name),
          noCache: false,
          // The generated Dockerfile fetches nothing; one changed by hand may.
          ...(isLocalBase(base) && isUnchanged(context, generated) ? { networkMode: "none" } : {}),
          signal: buildSignal,
        }),
      onText: (text) => said.push(text),
      firstWordMs: STEP_SILENCE_MS,
      silenceMs: STEP_SILENCE_MS,
      signal,
    });
  } catch (error) {
    if (error instanceof ProgressFailure) throw buildFailure(error, said.join("\n"));
    throw error;
  }
}

/** One that the Dockerfile was changed to is the user's wish; the default may be one that is made here. */
async function findBase(options: BuildDeploymentImage, context: readonly ArchiveFile[]): Promise<string> {
  const dockerfile = contentIn(context, DOCKERFILE).toString();
  const written = /^ARG BASE_IMAGE=(\S+)/m.exec(dockerfile)?.[1] ?? DEFAULT_BASE;
  try {
    return await ensureBase({ ...options, requested: written === DEFAULT_BASE ? null : written, refresh: false });
  } catch (error) {
    if (!(error instanceof AppError) || !/^IMAGE_/.test(error.code)) throw error;
    throw new AppError(error.code, error.message, {
      detail: error.detail,
      hint: `Name a base that Docker has, with Node 22.13 or newer: change BASE_IMAGE in ${join(options.directory, DOCKERFILE)}`,
      cause: error,
    });
  }
}

/** Whatever the umask was: the server's user must be able to read it. */
async function readContext(directory: string, deployment: Deployment): Promise<ArchiveFile[]> {
  return await Promise.all(
    [DOCKERFILE, ...imageContents(deployment)].map(async (path) => {
      const content = await readFile(join(directory, path)).catch((error: unknown) => {
        if (systemErrorCode(error) === null) throw error;
        throw toFileError(error, join(directory, path));
      });
      return { path, content, mode: 0o644, uid: 0, gid: 0 };
    }),
  );
}

function isUnchanged(context: readonly ArchiveFile[], { files }: Generated): boolean {
  return contentIn(context, DOCKERFILE).equals(files.get(DOCKERFILE) ?? Buffer.alloc(0));
}

function contentIn(context: readonly ArchiveFile[], path: string): Buffer {
  return Buffer.from(context.find((file) => file.path === path)?.content ?? "");
}

function buildFailure(failure: ProgressFailure, said: string): AppError {
  const detail = lastLines(`${said}\n${failure.message}`);
  if (isDiskFull(failure.message) || isDiskFull(lastLines(said, 5))) {
    return new AppError("DISK_FULL", "The disk is full: the image of the deployment could not be written", {
      detail,
      hint: "Free some space, for example with `docker image prune`, and try again",
      cause: failure,
    });
  }
  const why = failure.message.replace(/\.\s*$/, "");
  return new AppError("IMAGE_BUILD_FAILED", `The image of the deployment could not be built: ${why}`, {
    detail,
    hint: "When the Dockerfile was changed by hand, `--force` makes the generated one again",
    cause: failure,
  });
}
