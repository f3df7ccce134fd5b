import { AppError } from "../errors.ts";
import { type DockerEngine, DockerRequestError, type ImageInfo, type ImageProgress } from "./engine.ts";
import { nullWhen } from "./errors.ts";
import { type ProgressDocument, toImageProgress } from "./image-progress.ts";
import { parseImageReference } from "./image-reference.ts";
import { readJsonLines } from "./ndjson.ts";
import { type CredentialSources, registryAuthHeader } from "./registry-auth.ts";
import { imagePath } from "./resource-path.ts";
import { type EngineRequest, type StreamOptions, type Transport, within } from "./transport.ts";

export type ImageCalls = Pick<
  DockerEngine,
  "inspectImage" | "buildImage" | "importImage" | "pullImage" | "pushImage" | "tagImage" | "removeImage"
>;

const QUICK_MS = 10_000;
const REMOVE_MS = 60_000;
/** A build step may compile for minutes without a word. */
const BUILD_SILENCE_MS = 600_000;
/** The engine retries a registry by itself for a while before its first line. */
const REGISTRY_SILENCE_MS = 120_000;

export function createImageCalls(transport: Transport, credentials: CredentialSources): ImageCalls {
  async function* progress(
    request: EngineRequest,
    silenceMs: number,
    signal: AbortSignal,
  ): AsyncGenerator<ImageProgress> {
    const deadlines: StreamOptions = { headersTimeoutMs: silenceMs, idleTimeoutMs: silenceMs, signal };
    const { chunks } = await transport.stream(request, deadlines);
    for await (const document of readJsonLines(chunks)) {
      const step = toImageProgress(document as ProgressDocument);
      if (step !== null) yield step;
    }
  }

  async function authHeader(registry: string) {
    return { "X-Registry-Auth": await registryAuthHeader(registry, credentials) };
  }

  return {
    async inspectImage(reference, options) {
      const request = { method: "GET", path: imagePath(reference, "/json") } as const;
      const answer = await nullWhen([404], transport.call(request, within(QUICK_MS, options)));
      return answer === null ? null : toImageInfo(answer.body as ImageDocument);
    },

    async *buildImage({ buildArgs, context, dockerfile, labels, networkMode, noCache, signal, tags }) {
      const query = {
        version: "1", // The classic builder: in every engine from 20.10 to 29, and it needs no buildx.
        dockerfile,
        t: tags,
        buildargs: JSON.stringify(buildArgs),
        labels: JSON.stringify(labels),
        nocache: String(noCache),
        rm: "true",
        forcerm: "true",
        ...(networkMode === undefined ? {} : { networkmode: networkMode }),
      };
      const request = { method: "POST", path: "/build", query, upload: context } as const;
      let isNamed = false;
      for await (const step of progress(request, BUILD_SILENCE_MS, signal)) {
        // Engines that send no `aux` name the image in words only, and shortened.
        const imageId: string | null = step.imageId ?? (isNamed ? null : builtImageId(step.text));
        isNamed ||= imageId !== null;
        yield { ...step, imageId };
      }
    },

    async importImage(tar, reference, { changes, signal }) {
      const { repository, tag } = parseImageReference(reference);
      const query = { fromSrc: "-", repo: repository, tag: tag ?? "latest", changes };
      const request = { method: "POST", path: "/images/create", query, upload: tar } as const;
      let imageId = "";
      for await (const step of progress(request, BUILD_SILENCE_MS, signal)) {
        if (step.error !== null) throw new DockerRequestError(500, step.error);
        if (step.text.startsWith("sha256:")) imageId = step.text;
      }
      if (imageId === "")
        throw new AppError("IMAGE_BUILD_FAILED", `Docker imported ${reference} but reported no image ID`);
      return imageId;
    },

    async *pullImage(reference, signal, { platform } = {}) {
      const { registry, repository, tag } = parseImageReference(reference);
      const query = {
        fromImage: repository,
        tag: tag ?? "latest",
        ...(platform === undefined ? {} : { platform }),
      };
      const headers = await authHeader(registry);
      yield* progress({ method: "POST", path: "/images/create", query, headers }, REGISTRY_SILENCE_MS, signal);
    },

    async *pushImage(reference, signal) {
      const { registry, repository, tag } = parseImageReference(reference);
      const headers = await authHeader(registry);
      const request = {
        method: "POST",
        path: imagePath(repository, "/push"),
        query: { tag: tag ?? "latest" },
        headers,
      } as const;
      yield* progress(request, REGISTRY_SILENCE_MS, signal);
    },

    async tagImage(source, target, options) {
      const { repository, tag } = parseImageReference(target);
      const query = { repo: repository, tag: tag ?? "latest" };
      await transport.call({ method: "POST", path: imagePath(source, "/tag"), query }, within(QUICK_MS, options));
    },

    async removeImage(reference, { force = false, ...options } = {}) {
      const request = { method: "DELETE", path: imagePath(reference), query: { force: String(force) } } as const;
      await nullWhen([404], transport.call(request, within(REMOVE_MS, options)));
    },
  };
}

function builtImageId(text: string): string | null {
  return /^Successfully built ([0-9a-f]{12,64})$/.exec(text)?.[1] ?? null;
}

/** What is read of `GET /images/<reference>/json`. */
interface ImageDocument {
  Id: string;
  RepoTags: string[] | null;
  Size: number;
  Architecture: string;
  Os: string;
  Created: string;
  Config: {
    Labels?: Record<string, string> | null;
    User?: string;
    Healthcheck?: { Test?: string[] | null } | null;
  } | null;
}

function toImageInfo(document: ImageDocument): ImageInfo {
  const test = document.Config?.Healthcheck?.Test ?? [];
  return {
    id: document.Id,
    tags: document.RepoTags ?? [],
    sizeBytes: document.Size,
    architecture: document.Architecture,
    os: document.Os,
    labels: document.Config?.Labels ?? {},
    createdAt: document.Created,
    user: document.Config?.User ?? "",
    hasHealthcheck: test.length > 0 && test[0] !== "NONE",
  };
}
