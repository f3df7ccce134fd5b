import { availableParallelism } from "node:os";
import { type DockerRunnerFacts, dockerRunnerEntryIn } from "../config/docker-runner.ts";
import type { Settings } from "../config/settings.ts";
import { discoveryVariables } from "../docker/discovery-variables.ts";
import { readTextIfExists, writeFileAtomic } from "../platform/files.ts";
import { packageRoot } from "../platform/package.ts";
import type { HomePaths } from "../platform/paths.ts";
import { findListener, pickFreePort } from "../platform/ports.ts";
import { readOrCreateSecret, readSecret, secretDigest } from "../platform/secret-file.ts";

const HOST = "127.0.0.1";

interface FactsInput {
  settings: Settings;
  paths: HomePaths;
  env: NodeJS.ProcessEnv;
}

/**
 * What the docker-runner of this home is started with; null when it is not enabled. Its secret is made once; its port, where
 * the configuration leaves it open, is picked and recorded, so that a later server finds the same.
 */
export async function prepareDockerRunner(input: FactsInput & { instance: string }): Promise<DockerRunnerFacts | null> {
  const { settings, paths } = input;
  if (!settings.dockerRunner.enabled) return null;
  const secret = await readOrCreateSecret(paths.dockerRunnerSecretFile);
  const port = settings.dockerRunner.port || (await pickPort(input));
  await writeFileAtomic(paths.dockerRunnerPortFile, `${port}\n`);
  return factsOf(input, { port, digest: secretDigest(secret) });
}

/** The same without a change to the home: what is not there yet stays open. */
export async function lookAtDockerRunner(input: FactsInput): Promise<DockerRunnerFacts | null> {
  const { settings, paths } = input;
  if (!settings.dockerRunner.enabled) return null;
  const secret = await readSecret(paths.dockerRunnerSecretFile);
  const port = settings.dockerRunner.port || ((await readRecordedPort(paths)) ?? 0);
  return factsOf(input, { port, digest: secret === null ? "" : secretDigest(secret) });
}

function factsOf({ env }: FactsInput, { port, digest }: { port: number; digest: string }): DockerRunnerFacts {
  return {
    port,
    secretDigest: digest,
    dockerVariables: discoveryVariables(env),
    cpus: availableParallelism(),
    entry: dockerRunnerEntryIn(packageRoot()),
  };
}

/** The recorded one, unless somebody else has it by now. */
async function pickPort({ paths, instance }: { paths: HomePaths; instance: string }): Promise<number> {
  const recorded = await readRecordedPort(paths);
  if (recorded === null) return pickFreePort(HOST);
  const owner = await findListener(recorded, HOST);
  const isOurs = owner?.environment?.instance === instance && owner.environment.component === "docker-runner";
  return owner === null || isOurs ? recorded : pickFreePort(HOST);
}

async function readRecordedPort({ dockerRunnerPortFile }: HomePaths): Promise<number | null> {
  const port = Number((await readTextIfExists(dockerRunnerPortFile))?.trim() ?? "0");
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : null;
}
