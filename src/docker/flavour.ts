import type { DockerFlavour, EngineInfo } from "./engine.ts";
import type { HostFacts } from "./host-facts.ts";

/** Who made a socket, told from where it lies. `/var/run/docker.sock` belongs to whatever starts engines on this host. */
export function flavourOfSocket(socketPath: string, host: Pick<HostFacts, "platform" | "systemd">): DockerFlavour {
  const known = SOCKET_PLACES.find(([pattern]) => pattern.test(socketPath));
  if (known !== undefined) return known[1];
  if (!/^(\/var)?\/run\/docker\.sock$/.test(socketPath)) return "unknown";
  if (host.platform === "darwin") return "docker-desktop";
  return host.systemd ? "systemd" : "dockerd";
}

/** What the engine says about itself beats what its socket's path suggests. */
export function refineFlavour(
  flavour: DockerFlavour,
  info: Pick<EngineInfo, "operatingSystem" | "rootless">,
): DockerFlavour {
  const known = OPERATING_SYSTEMS.find(([pattern]) => pattern.test(info.operatingSystem));
  if (known !== undefined) return known[1];
  // Podman runs without root as a rule; it stays Podman. So do the engines that live in a VM.
  const plain = flavour === "unknown" || flavour === "systemd" || flavour === "dockerd";
  return plain && info.rootless ? "rootless" : flavour;
}

const SOCKET_PLACES: [RegExp, DockerFlavour][] = [
  [/\/podman\//, "podman"],
  [/\/\.orbstack\//, "orbstack"],
  [/\/\.?colima\//, "colima"],
  [/\/\.rd\//, "rancher-desktop"],
  [/\/\.lima\//, "lima"],
  [/\/\.docker\/(run|desktop)\//, "docker-desktop"],
  [/^(\/var)?\/run\/user\/\d+\/docker\.sock$/, "rootless"],
];

const OPERATING_SYSTEMS: [RegExp, DockerFlavour][] = [
  [/docker desktop/i, "docker-desktop"],
  [/orbstack/i, "orbstack"],
  [/rancher desktop/i, "rancher-desktop"],
];
