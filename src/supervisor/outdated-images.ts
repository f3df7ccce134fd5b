import type { DockerLink } from "./docker-link.ts";
import type { Supervised } from "./supervised.ts";

/** A warm engine answers in a few milliseconds; a mute one must not hold up a status. */
const ANSWER_MS = 100;

/** A sentence for each container that runs another image than its image's name means now. */
export async function outdatedImages(components: Iterable<Supervised>, docker: DockerLink): Promise<string[]> {
  const sentences: string[] = [];
  for (const { name, spec, state, imageId } of components) {
    if (spec.runtime !== "container" || state.kind !== "ready" || imageId === null) continue;
    const wanted = await wantedImageId(docker, spec.image);
    if (wanted === null || wanted === imageId) continue;
    sentences.push(
      `${name} runs an older image than ${spec.image} now names; replace it with \`stigmer server restart --component ${name}\``,
    );
  }
  return sentences;
}

async function wantedImageId(docker: DockerLink, image: string): Promise<string | null> {
  try {
    const engine = await docker.engine(AbortSignal.timeout(ANSWER_MS));
    return (await engine.inspectImage(image, { timeoutMs: ANSWER_MS }))?.id ?? null;
  } catch {
    return null; // Whether Docker answers is told by the component's state.
  }
}
