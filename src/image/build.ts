import { Readable } from "node:stream";
import { type ArchiveFile, tarFiles } from "../docker/archive.ts";
import type { DockerEngine } from "../docker/engine.ts";
import { LABEL } from "../docker/labels.ts";
import { AppError } from "../errors.ts";
import { packageRoot, packageVersion } from "../platform/package.ts";
import { ensureBase } from "./base.ts";
import { isLocalBase } from "./base-recipe.ts";
import { isDiskFull, lastLines } from "./failure-text.ts";
import { followProgress, ProgressFailure } from "./follow-progress.ts";
import { parseReference, versionReference } from "./reference.ts";
import { removeReplaced } from "./replaced.ts";
import { DOCKERFILE_PATH, hashSources, readSources, type SourceFile } from "./sources.ts";
import { type ImageStatus, imageStatus } from "./status.ts";

export interface BuildImageOptions {
  engine: Pick<DockerEngine, "info" | "inspectImage" | "importImage" | "pullImage" | "buildImage" | "removeImage">;
  /** What to call the image: `--tag REF`, else `agent_runner.image`. `<repository>:v<version>` is tagged as well. */
  reference: string;
  /** `--base IMAGE`; null takes the default or a local one. */
  base: string | null;
  noCache: boolean;
  /** The package whose runner is built; this one unless a test brings its own. */
  root?: string;
  env: NodeJS.ProcessEnv;
  progress: (line: string) => void;
  signal: AbortSignal;
}

/** A step of the build may be silent this long; on a Debian base one of them installs git. */
const STEP_SILENCE_MS = 300_000;

/**
 * Builds the agent-runner image through the Engine API; no `docker` program is needed.
 *
 * @throws AppError IMAGE_BUILD_FAILED with the build's last lines, IMAGE_PULL_FAILED for a base that cannot be had,
 * USAGE for an impossible reference, DISK_FULL, DOCKER_*.
 */
export async function buildImage(options: BuildImageOptions): Promise<ImageStatus> {
  const { engine, reference, root = packageRoot(), signal } = options;
  const { repository } = parseReference(reference);
  const sources = await readSources(root);
  if (sources === null) throw runnerNotBundled();
  const base = await ensureBase({ ...options, requested: options.base, refresh: options.noCache });
  const replaced = await engine.inspectImage(reference, { signal });
  options.progress(`Building ${reference} on ${base}`);
  await build(options, { base, sources, tags: [reference, versionReference(repository, packageVersion())] });
  const status = await imageStatus({ engine, reference, root, signal });
  if (replaced !== null && replaced.id !== status.imageId) await removeReplaced(engine, replaced.id, signal);
  return status;
}

interface BuildParts {
  base: string;
  sources: SourceFile[];
  tags: string[];
}

async function build({ engine, noCache, progress, signal }: BuildImageOptions, parts: BuildParts): Promise<void> {
  const said: string[] = [];
  try {
    await followProgress({
      start: (buildSignal) =>
        engine.buildImage({
          context: Readable.from([tarFiles(parts.sources.map(toArchiveFile))]),
          dockerfile: DOCKERFILE_PATH,
          tags: parts.tags,
          buildArgs: { BASE_IMAGE: parts.base },
          labels: { [LABEL.version]: packageVersion(), [LABEL.sourceHash]: hashSources(parts.sources) },
          noCache,
          // Nothing to fetch, so a build on the local base works offline and where the bridge is broken.
          ...(isLocalBase(parts.base) ? { networkMode: "none" } : {}),
          signal: buildSignal,
        }),
      onText: (text) => {
        said.push(text);
        // The other kinds of steps take no time.
        const step = /^(Step \d+\/\d+) : RUN/.exec(text)?.[1];
        if (step !== undefined) progress(step);
      },
      firstWordMs: STEP_SILENCE_MS,
      silenceMs: STEP_SILENCE_MS,
      signal,
    });
  } catch (error) {
    if (error instanceof ProgressFailure) throw buildFailure(error, said.join("\n"));
    throw error;
  }
}

/** Whatever the umask of the bundling was: the runner's user must be able to read it. */
function toArchiveFile({ path, content }: SourceFile): ArchiveFile {
  return { path, content, mode: 0o644, uid: 0, gid: 0 };
}

function buildFailure(failure: ProgressFailure, said: string): AppError {
  const detail = lastLines(`${said}\n${failure.message}`);
  if (isDiskFull(failure.message) || isDiskFull(lastLines(said, 5))) {
    return new AppError("DISK_FULL", "The disk is full: the image could not be written", {
      detail,
      hint: "Free some space, for example with `docker image prune`, and build again: stigmer image build",
      actions: [{ label: "Build again", command: "stigmer image build" }],
      cause: failure,
    });
  }
  // The engine repeats the whole command of the step, which here is a screenful.
  const exitCode = /returned a non-zero code: (\d+)\s*$/.exec(failure.message)?.[1];
  const why =
    exitCode === undefined ? failure.message.replace(/\.\s*$/, "") : `a step ended with exit code ${exitCode}`;
  return new AppError("IMAGE_BUILD_FAILED", `The image could not be built: ${why}`, {
    detail,
    hint: "Build without the cache, or on another base: stigmer image build --no-cache, stigmer image build --base IMAGE",
    actions: [{ label: "Build without the cache", command: "stigmer image build --no-cache" }],
    cause: failure,
  });
}

function runnerNotBundled(): AppError {
  return new AppError(
    "IMAGE_BUILD_FAILED",
    "The agent-runner has not been bundled: agent-runner/dist/main.js is missing",
    {
      hint: "Bundle it first: npm run build",
      actions: [
        { label: "Bundle the runner", command: "npm run build" },
        { label: "Build the image", command: "stigmer image build" },
      ],
    },
  );
}
