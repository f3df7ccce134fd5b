import type { Action } from "../errors.ts";
import type { DockerEndpoint, DockerFlavour } from "./engine.ts";
import type { HostFacts } from "./host-facts.ts";

export interface Hint {
  /** One sentence, without a final full stop. */
  text: string;
  actions: Action[];
}

const START_STACK: Action = { label: "Then start the stack", command: "stigmer server start" };
const WITHOUT_DOCKER: Action = {
  label: "Or run without Docker",
  command: "stigmer server start --runtime process",
};

/** What a hint needs to know of an endpoint. */
export type HintedEndpoint = Pick<DockerEndpoint, "flavour" | "socketPath" | "source">;

/** How this flavour of engine is started on this host; for an engine elsewhere, how to stop using it. */
export function startHint(endpoint: HintedEndpoint, host: HostFacts): Hint {
  const isElsewhere = endpoint.flavour === "unknown" && endpoint.socketPath === null;
  const undo = isElsewhere ? undoChoice(endpoint.source) : null;
  return withWaysOn(undo ?? startCommand(endpoint.flavour, endpoint.socketPath, host));
}

/** How to take back a choice of endpoint that the user made; null when none was made. */
export function undoChoice(source: string): Action | null {
  if (source === "DOCKER_HOST") return { label: "Look for Docker in the usual places", command: "unset DOCKER_HOST" };
  if (!source.startsWith("context ")) return null;
  return { label: "Look for Docker in the usual places", command: "docker context use default" };
}

/** How Docker comes onto this host. */
export function installHint(host: HostFacts): Hint {
  if (host.platform === "win32") {
    return withWaysOn({
      label: "Install WSL2, and run stigmer inside it with Docker Desktop",
      command: "wsl --install",
    });
  }
  if (host.wsl) {
    return withWaysOn({
      label: "Install Docker Desktop in Windows and switch on its WSL integration",
      command: "winget.exe install Docker.DockerDesktop",
    });
  }
  if (host.platform === "darwin") {
    return withWaysOn({ label: "Install Docker Desktop", command: "brew install --cask docker" });
  }
  if (host.debianLike) {
    return withWaysOn({ label: "Install Docker", command: asRoot("apt-get install docker.io", host) });
  }
  return withWaysOn({
    label: "Install Docker as its makers describe",
    command: "https://docs.docker.com/engine/install/",
  });
}

/** How a user is let at the system's socket; rootless and VM engines have sockets of the user's own. */
export function permissionHint(endpoint: Pick<DockerEndpoint, "socketPath">): Hint {
  const command = "sudo usermod -aG docker $USER";
  return {
    text: `Join the group that owns the socket (${command}), then log in again: groups are read at login`,
    actions: [
      { label: "Join the docker group", command },
      { label: "Log in again, or open a shell with the new group", command: "newgrp docker" },
      ...(endpoint.socketPath === null
        ? []
        : [{ label: "See who owns the socket", command: `ls -l ${endpoint.socketPath}` }]),
      START_STACK,
      WITHOUT_DOCKER,
    ],
  };
}

/** What helps against an engine that accepts and never answers. */
export function unresponsiveHint(endpoint: HintedEndpoint, host: HostFacts): Hint {
  const restart = restartCommand(endpoint.flavour, host);
  return restart === null ? startHint(endpoint, host) : withWaysOn(restart);
}

function withWaysOn(first: Action): Hint {
  return {
    text: `${first.label} (${first.command}), then run: ${START_STACK.command}; without Docker: ${WITHOUT_DOCKER.command}`,
    actions: [first, START_STACK, WITHOUT_DOCKER],
  };
}

function startCommand(flavour: DockerFlavour, socketPath: string | null, host: HostFacts): Action {
  const mac = host.platform === "darwin";
  switch (flavour) {
    case "docker-desktop":
      if (mac) return { label: "Start Docker Desktop", command: "open -a Docker" };
      return { label: "Start Docker Desktop", command: "systemctl --user start docker-desktop" };
    case "colima":
      return { label: "Start Colima", command: "colima start" };
    case "orbstack":
      return { label: "Start OrbStack", command: "open -a OrbStack" };
    case "rancher-desktop":
      return { label: "Start Rancher Desktop", command: "rdctl start" };
    case "podman":
      return { label: "Start Podman", command: podmanStart(socketPath, host) };
    case "lima":
      return { label: "Start the Lima machine", command: `limactl start ${limaInstance(socketPath)}`.trim() };
    case "rootless":
      return { label: "Start rootless Docker", command: "systemctl --user start docker" };
    case "systemd":
    case "dockerd":
    case "unknown":
      return systemStart(flavour, socketPath, host);
    default:
      return flavour satisfies never;
  }
}

function systemStart(flavour: "systemd" | "dockerd" | "unknown", socketPath: string | null, host: HostFacts): Action {
  if (host.platform === "darwin") return { label: "Start Docker Desktop", command: "open -a Docker" };
  if (host.wsl && !host.systemd) {
    return {
      label: "Start Docker Desktop in Windows, or the engine by hand",
      command: asRoot("service docker start", host),
    };
  }
  if (flavour === "unknown" && socketPath !== null) {
    return {
      label: "Start the engine that serves this socket",
      command: asRoot(`dockerd --host unix://${socketPath}`, host),
    };
  }
  if (host.systemd) return { label: "Start Docker", command: asRoot("systemctl start docker", host) };
  return { label: "Start the Docker engine by hand", command: asRoot("dockerd", host) };
}

function restartCommand(flavour: DockerFlavour, host: HostFacts): Action | null {
  if (flavour === "systemd") return { label: "Restart Docker", command: asRoot("systemctl restart docker", host) };
  if (flavour === "rootless") return { label: "Restart rootless Docker", command: "systemctl --user restart docker" };
  if (flavour === "colima") return { label: "Restart Colima", command: "colima restart" };
  return null;
}

function podmanStart(socketPath: string | null, host: HostFacts): string {
  if (host.platform === "darwin") return "podman machine start";
  const users = socketPath?.startsWith("/run/user/") ?? true;
  return users ? "systemctl --user start podman.socket" : asRoot("systemctl start podman.socket", host);
}

function limaInstance(socketPath: string | null): string {
  return /\/([^/]+)\/sock\/docker\.sock$/.exec(socketPath ?? "")?.[1] ?? "";
}

function asRoot(command: string, host: HostFacts): string {
  return host.uid === 0 ? command : `sudo ${command}`;
}
