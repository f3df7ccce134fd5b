import { homedir } from "node:os";
import { discoverDocker } from "./connect.ts";
import { createContainerCalls } from "./containers.ts";
import { dockerConfigDir } from "./contexts.ts";
import { createDirectDialer } from "./dial-direct.ts";
import { parseEndpointUrl } from "./endpoint-url.ts";
import type { DockerEndpoint } from "./engine.ts";
import { createImageCalls } from "./images.ts";
import { createPassage } from "./passage.ts";
import { createExecPassage } from "./passage-exec.ts";
import type { CredentialSources } from "./registry-auth.ts";
import type { RunnerEngine } from "./runner-engine.ts";
import { createTransport, within } from "./transport.ts";

const PING_MS = 5_000;

/** The engine's own calls over connections that are kept. The engine need not be there yet, nor stay. */
export function createRunnerEngine(endpoint: DockerEndpoint, credentials: CredentialSources): RunnerEngine {
  const dialer = createDirectDialer(endpoint);
  const transport = createTransport(endpoint, dialer.dial);
  const { putArchive, removeContainer, startContainer, stopContainer } = createContainerCalls(transport);
  const { inspectImage, pullImage } = createImageCalls(transport, credentials);
  return {
    endpoint,
    async ping(options) {
      await transport.call({ method: "GET", path: "/_ping" }, within(PING_MS, options));
    },
    putArchive,
    removeContainer,
    startContainer,
    stopContainer,
    inspectImage,
    pullImage,
    ...createPassage(transport),
    ...createExecPassage(transport, dialer),
  };
}

/** The endpoint of a path or a URL; null when it cannot be dialled. */
export function endpointAt(address: string): DockerEndpoint | null {
  const { problem, socketPath, url } = parseEndpointUrl(address, false);
  return problem === null ? { url, socketPath, source: "DOCKER_SOCKET", flavour: "unknown" } : null;
}

/** Where the command line would look: the engine that answers, else the place where one would be expected. */
export async function findEndpoint(env: NodeJS.ProcessEnv): Promise<DockerEndpoint> {
  const { candidates, chosen } = await discoverDocker({ env, homeDir: homedir() });
  const endpoint = chosen ?? candidates[0]?.endpoint ?? endpointAt("/var/run/docker.sock");
  if (endpoint === null) throw new Error("there is no place where an engine could be");
  return endpoint;
}

/** Where this user's logins to registries are kept. */
export function credentialsOf(env: NodeJS.ProcessEnv): CredentialSources {
  return { configDir: dockerConfigDir(env, homedir()), env };
}
