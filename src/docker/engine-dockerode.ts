import { homedir } from "node:os";
import { join } from "node:path";
import { createContainerCalls } from "./containers.ts";
import { modemDial } from "./dial-modem.ts";
import type { DockerEndpoint, DockerEngine, EngineInfo } from "./engine.ts";
import { createEventCalls } from "./events.ts";
import { createExecCalls } from "./exec.ts";
import { createImageCalls } from "./images.ts";
import { createLogCalls } from "./logs.ts";
import type { CredentialSources } from "./registry-auth.ts";
import { createResourceCalls } from "./resources.ts";
import { createTransport, within } from "./transport.ts";

const INFO_MS = 10_000;
const PING_MS = 5_000;

/**
 * The calls to the engine at an endpoint. The engine need not be there: each call finds out for itself, so that one
 * object outlives restarts of the daemon.
 *
 * @param credentials where registry logins are kept; by default the Docker CLI's folder of this user.
 */
export async function createEngine(
  endpoint: DockerEndpoint,
  credentials: CredentialSources = { configDir: join(homedir(), ".docker"), env: process.env },
): Promise<DockerEngine> {
  const transport = createTransport(endpoint, await modemDial(endpoint));
  return {
    endpoint,
    async info(options) {
      const limits = within(INFO_MS, options);
      const [info, version] = await Promise.all([
        transport.call({ method: "GET", path: "/info" }, limits),
        transport.call({ method: "GET", path: "/version" }, limits),
      ]);
      return toEngineInfo(info.body as InfoDocument, version.body as VersionDocument);
    },
    async ping(options) {
      await transport.call({ method: "GET", path: "/_ping" }, within(PING_MS, options));
    },
    ...createContainerCalls(transport),
    ...createExecCalls(transport),
    ...createLogCalls(transport),
    ...createEventCalls(transport),
    ...createImageCalls(transport, credentials),
    ...createResourceCalls(transport),
  };
}

/** What is read of `GET /info`. */
interface InfoDocument {
  OperatingSystem: string;
  SecurityOptions: string[] | null;
  NCPU: number;
  MemTotal: number;
}

/** What is read of `GET /version`; its architecture is spelled as images spell theirs. */
interface VersionDocument {
  Version: string;
  ApiVersion: string;
  Os: string;
  Arch: string;
}

function toEngineInfo(info: InfoDocument, version: VersionDocument): EngineInfo {
  const security = info.SecurityOptions ?? [];
  const has = (name: string) => security.some((option) => option.split(",").includes(`name=${name}`));
  return {
    serverVersion: version.Version,
    apiVersion: version.ApiVersion,
    os: version.Os,
    architecture: version.Arch,
    rootless: has("rootless"),
    usernsRemap: has("userns"),
    cpus: info.NCPU,
    memoryBytes: info.MemTotal,
    operatingSystem: info.OperatingSystem,
  };
}
