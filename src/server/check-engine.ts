import type { Settings } from "../config/settings.ts";
import type { DockerEngine } from "../docker/engine.ts";
import { AppError } from "../errors.ts";

/**
 * Some engines cannot serve this stack: what they call the host's network is not the host's.
 * @throws AppError DOCKER_PERMISSION_DENIED naming the way without Docker.
 */
export async function checkEngine(engine: DockerEngine, settings: Settings): Promise<void> {
  if (settings.agentRunner.network !== "host") return;
  const info = await engine.info();
  const obstacle = info.rootless ? "runs rootless" : info.usernsRemap ? "remaps user namespaces" : null;
  if (obstacle === null) return;
  throw new AppError("DOCKER_PERMISSION_DENIED", `The Docker engine at ${engine.endpoint.url} ${obstacle}`, {
    detail:
      "A container on its host network does not reach this machine's loopback, so the agent-runner could not reach the server.",
    hint: "Run the agent-runner without Docker, or use an engine that runs as root.",
    actions: [{ label: "Start without Docker", command: "stigmer server start --runtime process" }],
  });
}
