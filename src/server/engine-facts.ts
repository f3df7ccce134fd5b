import { availableParallelism } from "node:os";
import type { Settings } from "../config/settings.ts";
import type { DockerEngine } from "../docker/engine.ts";
import type { EngineFacts } from "../supervisor/deps.ts";

/** An engine is asked for its CPUs only where docker-runner's limits depend on them: `info` is Docker's slowest answer. */
export async function readEngineFacts(engine: DockerEngine, settings: Settings): Promise<EngineFacts> {
  const { flavour } = engine.endpoint;
  if (!settings.dockerRunner.enabled) return { flavour, cpus: availableParallelism() };
  return { flavour, cpus: (await engine.info()).cpus };
}
