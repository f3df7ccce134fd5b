/** Whether the image is there and made from these sources. On the path of every start: nothing heavy is imported. */
import type { DockerEngine, ImageInfo } from "../docker/engine.ts";
import { LABEL } from "../docker/labels.ts";
import { packageRoot, packageVersion } from "../platform/package.ts";
import { imageMissing, wrongArchitecture } from "./missing.ts";
import { parseReference } from "./reference.ts";
import { hashSources, readSources } from "./sources.ts";

export type ImageState = "missing" | "wrong-architecture" | "unlabelled" | "outdated" | "current";

/** `data` of the image commands (product.md §13), and more. */
export interface ImageStatus {
  image: string;
  state: ImageState;
  imageId: string | null;
  /** Bytes. */
  size: number | null;
  /** Of the stigmer that made it; null when it does not say. */
  version: string | null;
  /** Made by this version from these sources; null when it does not say. */
  current: boolean | null;
  /** As images name it: `amd64`, `arm64`. */
  architecture: string | null;
}

export type ImageEngine = Pick<DockerEngine, "inspectImage" | "info">;

export interface InspectOptions {
  engine: ImageEngine;
  reference: string;
  /** Of the package whose sources count; this one unless a test brings its own. */
  root?: string;
  signal?: AbortSignal;
}

/** Costs one call; a second one only for an image of another architecture than this process. */
export async function imageStatus(options: InspectOptions): Promise<ImageStatus> {
  return (await inspect(options)).status;
}

/**
 * The image that `start` will run, and what the user should know about it, one sentence each.
 *
 * @throws AppError IMAGE_MISSING when it is not there or of another architecture; DOCKER_*.
 */
export async function requireImage(options: InspectOptions): Promise<{ image: ImageInfo; warnings: string[] }> {
  const { image, status, engineArchitecture } = await inspect(options);
  if (image === null) throw imageMissing(options.reference);
  if (status.state === "wrong-architecture") {
    throw wrongArchitecture(options.reference, image.architecture, engineArchitecture);
  }
  return { image, warnings: status.state === "outdated" ? [outdatedWarning(status)] : [] };
}

interface Inspection {
  image: ImageInfo | null;
  status: ImageStatus;
  engineArchitecture: string;
}

async function inspect({ engine, reference, root = packageRoot(), signal }: InspectOptions): Promise<Inspection> {
  parseReference(reference);
  const call = signal === undefined ? {} : { signal };
  const [image, sources] = await Promise.all([engine.inspectImage(reference, call), readSources(root)]);
  const own = imageArchitecture();
  // An engine in a virtual machine or behind TCP may run on another architecture than we do: then ask it.
  const engineArchitecture =
    image === null || image.architecture === own ? own : (await engine.info(call)).architecture;
  const sourceHash = sources === null ? null : hashSources(sources);
  return { image, engineArchitecture, status: describe({ reference, image, engineArchitecture, sourceHash }) };
}

interface Facts {
  reference: string;
  image: ImageInfo | null;
  engineArchitecture: string;
  /** Null when the runner has not been bundled here: then the version alone decides. */
  sourceHash: string | null;
}

function describe({ reference, image, engineArchitecture, sourceHash }: Facts): ImageStatus {
  if (image === null) {
    return {
      image: reference,
      state: "missing",
      imageId: null,
      size: null,
      version: null,
      current: false,
      architecture: null,
    };
  }
  const version = image.labels[LABEL.version] ?? null;
  const builtFrom = image.labels[LABEL.sourceHash] ?? null;
  const isLabelled = version !== null && builtFrom !== null;
  const isCurrent = version === packageVersion() && (sourceHash === null || builtFrom === sourceHash);
  const labelState = !isLabelled ? "unlabelled" : isCurrent ? "current" : "outdated";
  return {
    image: reference,
    state: image.architecture === engineArchitecture ? labelState : "wrong-architecture",
    imageId: image.id,
    size: image.sizeBytes,
    version,
    current: isLabelled ? isCurrent : null,
    architecture: image.architecture,
  };
}

function imageArchitecture(): string {
  return process.arch === "x64" ? "amd64" : process.arch;
}

function outdatedWarning({ image, version }: ImageStatus): string {
  const why =
    version === packageVersion()
      ? "was built from other sources than the agent-runner has now"
      : `was built by stigmer ${version}, and this is ${packageVersion()}`;
  return `The image ${image} ${why}; bring it up to date with \`stigmer image build\``;
}
