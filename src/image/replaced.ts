import { type DockerEngine, DockerRequestError } from "../docker/engine.ts";

/**
 * Removes an image whose name another one has taken: rebuilding would pile up images without a name. One that has
 * another name, or that a container was made from, is left alone.
 */
export async function removeReplaced(
  engine: Pick<DockerEngine, "inspectImage" | "removeImage">,
  imageId: string,
  signal: AbortSignal,
): Promise<void> {
  const image = await engine.inspectImage(imageId, { signal });
  if (image === null || image.tags.length > 0) return;
  try {
    await engine.removeImage(imageId, { signal });
  } catch (error) {
    // A container still uses it: the engine refuses, and what the user asked for has been done.
    if (!(error instanceof DockerRequestError)) throw error;
  }
}
