import type { DockerEngine } from "../docker/engine.ts";
import type { Observed } from "../stack/observed.ts";
import { isDockerGone } from "./docker-link.ts";
import { type ObserveInput, observeStack } from "./observe.ts";

/** The engine that a stop may use, else why it has none. */
export type DockerForStop = { engine: DockerEngine; error: null } | { engine: null; error: unknown };

/**
 * What a stop has to end. A stop goes on without Docker, so a Docker that fails in the middle of the look counts as one
 * that is not there: `docker` in the answer is what is left to work with.
 */
export async function observeForStop(
  home: Omit<ObserveInput, "docker">,
  docker: DockerForStop,
): Promise<{ observed: Observed; docker: DockerForStop }> {
  if (docker.engine === null) {
    return { observed: await observeStack({ ...home, docker: { unavailable: "Docker does not answer" } }), docker };
  }
  try {
    return { observed: await observeStack({ ...home, docker: { engine: docker.engine } }), docker };
  } catch (error) {
    if (!isDockerGone(error)) throw error;
    return observeForStop(home, { engine: null, error });
  }
}
