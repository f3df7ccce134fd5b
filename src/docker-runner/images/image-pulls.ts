import { DockerRequestError } from "../../docker/engine.ts";
import type { RunnerEngine } from "../../docker/runner-engine.ts";
import { ApiError } from "../api-error.ts";

export interface WantedImage {
  /** Full and allowed. */
  reference: string;
  platform: string | null;
}

/** One pull under way, and those who want to hear how it goes. */
interface Flight {
  done: Promise<void>;
  listeners: Set<(text: string) => void>;
}

/** Images that must be there: one pull for each, however many ask for it. */
export class ImagePulls {
  readonly #engine: Pick<RunnerEngine, "inspectImage" | "pullImage">;
  readonly #stopped: AbortSignal;
  readonly #flights = new Map<string, Flight>();

  /** @param stopped ends the pulls with the service. */
  constructor(engine: Pick<RunnerEngine, "inspectImage" | "pullImage">, stopped: AbortSignal) {
    this.#engine = engine;
    this.#stopped = stopped;
  }

  /**
   * Resolves when the image is there. A pull lasts as long as it makes progress, and goes on when its callers are gone.
   *
   * @throws ApiError image_not_found (404), image_pull_failed (502, or the engine's own status)
   */
  async ensure(image: WantedImage, onProgress: (text: string) => void = () => {}): Promise<void> {
    if (await this.#isPresent(image)) return;
    const flight = this.#join(image);
    flight.listeners.add(onProgress);
    try {
      await flight.done;
    } finally {
      flight.listeners.delete(onProgress);
    }
  }

  async #isPresent({ platform, reference }: WantedImage): Promise<boolean> {
    const image = await this.#engine.inspectImage(reference);
    if (image === null) return false;
    if (platform === null) return true;
    const [os = "", architecture = ""] = platform.split("/");
    return image.os === os && (architecture === "" || image.architecture === architecture);
  }

  #join({ platform, reference }: WantedImage): Flight {
    const key = `${reference} ${platform ?? ""}`;
    const known = this.#flights.get(key);
    if (known !== undefined) return known;
    const listeners: Flight["listeners"] = new Set();
    const done = this.#pull(reference, platform, listeners).finally(() => this.#flights.delete(key));
    done.catch(() => {}); // Told to those who wait; there may be nobody left.
    const flight = { done, listeners };
    this.#flights.set(key, flight);
    return flight;
  }

  async #pull(reference: string, platform: string | null, listeners: Flight["listeners"]): Promise<void> {
    const options = platform === null ? {} : { platform };
    try {
      for await (const { error, text } of this.#engine.pullImage(reference, this.#stopped, options)) {
        if (error !== null) throw pullFailed(reference, error, 502);
        if (text !== "") for (const tell of listeners) tell(text);
      }
    } catch (error) {
      throw error instanceof DockerRequestError ? pullFailed(reference, error.message, error.statusCode) : error;
    }
  }
}

/** Some failures come as the engine's status, others in the middle of a pull that began well. */
function pullFailed(reference: string, text: string, statusCode: number): ApiError {
  if (statusCode === 404 || /not found|manifest unknown|pull access denied|does not exist/i.test(text)) {
    return new ApiError(404, "image_not_found", `${reference}: ${text}`);
  }
  return new ApiError(statusCode, "image_pull_failed", `${reference}: ${text}`, { retryable: statusCode >= 500 });
}
