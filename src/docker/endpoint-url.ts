import type { DockerEndpoint } from "./engine.ts";

/** How an address can be dialled, or in one sentence why it cannot. */
export type ParsedEndpoint = Pick<DockerEndpoint, "url" | "socketPath"> & { problem: string | null };

const DEFAULT_PORTS = { plain: 2375, tls: 2376 };

/** Reads what `DOCKER_HOST` and Docker contexts hold: `unix://`, `tcp://`, `http(s)://`, `host:port`. Never throws. */
export function parseEndpointUrl(address: string, usesTls: boolean): ParsedEndpoint {
  const scheme =
    /^([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1]?.toLowerCase() ?? (address.startsWith("/") ? "unix" : "tcp");
  const rest = address.replace(/^[a-z][a-z0-9+.-]*:\/\//i, "");
  switch (scheme) {
    case "unix": {
      const socketPath = rest === "" ? "/var/run/docker.sock" : rest;
      return { url: `unix://${socketPath}`, socketPath, problem: null };
    }
    case "tcp":
    case "http":
    case "https":
      return parseTcp(rest, usesTls || scheme === "https");
    case "npipe":
      return unsupported(
        address,
        "Windows named pipes are out of reach; run stigmer inside WSL2 with Docker Desktop's WSL integration",
      );
    case "ssh":
      return unsupported(
        address,
        "ssh:// is not dialled; forward the remote socket and let DOCKER_HOST name it as unix://",
      );
    default:
      return unsupported(address, `${scheme}:// is no scheme that Docker listens on; use unix:// or tcp://`);
  }
}

function parseTcp(rest: string, usesTls: boolean): ParsedEndpoint {
  const port = usesTls ? DEFAULT_PORTS.tls : DEFAULT_PORTS.plain;
  const parsed = URL.canParse(`tcp://${rest}`) ? new URL(`tcp://${rest}`) : null;
  if (parsed === null || parsed.hostname === "")
    return unsupported(`tcp://${rest}`, "it is not an address of the form tcp://host:port");
  return {
    url: `tcp://${parsed.hostname}:${parsed.port === "" ? port : parsed.port}`,
    socketPath: null,
    problem: null,
  };
}

function unsupported(address: string, problem: string): ParsedEndpoint {
  return { url: address, socketPath: null, problem };
}
