import { join } from "node:path";
import { type DockerContext, dockerConfigDir } from "./contexts.ts";
import { parseEndpointUrl } from "./endpoint-url.ts";
import type { DockerEndpoint } from "./engine.ts";
import { flavourOfSocket } from "./flavour.ts";
import type { HostFacts } from "./host-facts.ts";

export interface CandidateSources {
  env: NodeJS.ProcessEnv;
  homeDir: string;
  host: HostFacts;
  /** The context that was chosen by name, null for the default one. */
  context: DockerContext | null;
  /** Names of Lima's virtual machines: each may have a socket of its own. */
  limaInstances: string[];
}

export interface Candidate {
  endpoint: DockerEndpoint;
  /** Why it cannot be dialled at all, else null. */
  problem: string | null;
}

/** Where an engine may listen, best first. `explicit`: the user named one, and no other may be used in its place. */
export interface CandidateList {
  explicit: boolean;
  candidates: Candidate[];
}

/**
 * Same precedence as the Docker CLI: `DOCKER_HOST`, then the chosen context, then the places where the known engines put
 * their sockets.
 */
export function listCandidates(sources: CandidateSources): CandidateList {
  const dockerHost = sources.env["DOCKER_HOST"];
  if (dockerHost) return { explicit: true, candidates: [fromDockerHost(dockerHost, sources)] };
  if (sources.context !== null) return { explicit: true, candidates: [fromContext(sources.context, sources.host)] };
  return { explicit: false, candidates: defaultSockets(sources) };
}

function fromDockerHost(address: string, { env, homeDir, host }: CandidateSources): Candidate {
  const verify = Boolean(env["DOCKER_TLS_VERIFY"]);
  const usesTls = verify || Boolean(env["DOCKER_TLS"]);
  const certificateDirectory = env["DOCKER_CERT_PATH"] || dockerConfigDir(env, homeDir);
  return candidate({
    address,
    source: "DOCKER_HOST",
    host,
    tls: usesTls ? { certificateDirectory, verify } : null,
  });
}

function fromContext(context: DockerContext, host: HostFacts): Candidate {
  const source = `context ${context.name}`;
  if (context.host === null) {
    return {
      endpoint: { url: `context://${context.name}`, socketPath: null, source, flavour: "unknown" },
      problem: context.problem,
    };
  }
  const { certificateDirectory, skipVerify } = context;
  const tls = certificateDirectory === null ? null : { certificateDirectory, verify: !skipVerify };
  return candidate({ address: context.host, source, host, tls });
}

interface Address {
  address: string;
  source: string;
  host: HostFacts;
  tls: DockerEndpoint["tls"] | null;
}

function candidate({ address, source, host, tls }: Address): Candidate {
  const { url, socketPath, problem } = parseEndpointUrl(address, Boolean(tls));
  const flavour = socketPath === null ? "unknown" : flavourOfSocket(socketPath, host);
  const secured = tls && socketPath === null ? { tls } : {};
  return { endpoint: { url, socketPath, source, flavour, ...secured }, problem };
}

function defaultSockets({ env, homeDir, host, limaInstances }: CandidateSources): Candidate[] {
  const home = (...parts: string[]) => join(homeDir, ...parts);
  const runtimeDirs = [env["XDG_RUNTIME_DIR"], host.uid > 0 ? `/run/user/${host.uid}` : undefined].filter(isPath);
  const colimaHomes = [
    env["COLIMA_HOME"] || home(".colima"),
    env["XDG_CONFIG_HOME"] ? join(env["XDG_CONFIG_HOME"], "colima") : undefined,
  ].filter(isPath);
  const colimaProfile = env["COLIMA_PROFILE"] || "default";
  const limaHome = env["LIMA_HOME"] || home(".lima");
  const machines = home(".local", "share", "containers", "podman", "machine");
  const temporaryDir = env["TMPDIR"];

  const places: [string, string[]][] = [
    ["default socket", ["/var/run/docker.sock"]],
    ["rootless socket", runtimeDirs.map((directory) => join(directory, "docker.sock"))],
    ["Docker Desktop's socket", [home(".docker", "run", "docker.sock"), home(".docker", "desktop", "docker.sock")]],
    ["OrbStack's socket", [home(".orbstack", "run", "docker.sock")]],
    ["Colima's socket", colimaHomes.map((directory) => join(directory, colimaProfile, "docker.sock"))],
    ["Rancher Desktop's socket", [home(".rd", "docker.sock")]],
    ["Lima's socket", limaInstances.map((name) => join(limaHome, name, "sock", "docker.sock"))],
    [
      "Podman's socket",
      [
        ...runtimeDirs.map((directory) => join(directory, "podman", "podman.sock")),
        "/run/podman/podman.sock",
        join(machines, "podman.sock"),
        join(machines, "podman-machine-default", "podman.sock"),
        join(machines, "qemu", "podman.sock"),
        ...(temporaryDir ? [join(temporaryDir, "podman", "podman-machine-default-api.sock")] : []),
      ],
    ],
  ];
  const seen = new Set<string>();
  return places
    .flatMap(([source, paths]) => paths.map((path) => ({ source, path })))
    .filter(({ path }) => !seen.has(path) && seen.add(path))
    .map(({ source, path }) => candidate({ address: `unix://${path}`, source, host, tls: null }));
}

function isPath(path: string | undefined): path is string {
  return path !== undefined && path !== "";
}
