import type { DockerEngine } from "../docker/engine.ts";
import type { Log } from "./deps.ts";
import type { Supervised } from "./supervised.ts";

/**
 * Knows what images' names mean now, so that a status can tell of containers that run an older one without asking. It
 * looks again whenever Docker says that something happened to an image.
 */
export class OutdatedImages {
  readonly #wanted = new Map<string, string | null>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  async refresh(engine: DockerEngine, components: Iterable<Supervised>): Promise<void> {
    for (const { spec } of components) {
      if (spec.runtime !== "container") continue;
      try {
        this.#wanted.set(spec.image, (await engine.inspectImage(spec.image))?.id ?? null);
      } catch (error) {
        // Whether Docker answers is told by the component's state; the next event looks again.
        this.#log.debug(`image ${spec.image} could not be looked up: ${String(error)}`);
      }
    }
  }

  /** A sentence for each container that runs another image than its image's name means. */
  warnings(components: Iterable<Supervised>): string[] {
    const sentences: string[] = [];
    for (const { name, spec, state, imageId } of components) {
      if (spec.runtime !== "container" || state.kind !== "ready" || imageId === null) continue;
      const wanted = this.#wanted.get(spec.image) ?? null;
      if (wanted === null || wanted === imageId) continue;
      sentences.push(
        `${name} runs an older image than ${spec.image} now names; replace it with \`stigmer server restart --component ${name}\``,
      );
    }
    return sentences;
  }
}
