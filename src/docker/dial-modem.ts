import type { Agent, IncomingMessage } from "node:http";
import { inspect } from "node:util";
import type Dockerode from "dockerode";
import type { DockerEndpoint } from "./engine.ts";
import { createAgent } from "./tls.ts";
import type { Dial } from "./transport.ts";

/**
 * Dials through dockerode's modem, and answers are read by us as streams: dockerode's own reading of an answer never
 * comes back when the daemon dies in the middle of it, and that is how a `wait` ends then.
 */
export async function modemDial(endpoint: DockerEndpoint): Promise<Dial> {
  const { default: Docker } = await import("dockerode");
  const { modem } = new Docker(modemOptions(endpoint));
  return (request, prefix, signal) =>
    new Promise((resolve, reject) => {
      modem.dial(
        {
          method: request.method,
          path: `${prefix}${request.path}?`,
          // dockerode puts the whole body into the URL too unless the two are told apart like this.
          options: { _query: request.query ?? {}, _body: request.body ?? {} },
          headers: { ...request.headers },
          ...(request.upload === undefined ? {} : { file: request.upload }),
          isStream: true,
          statusCodes: EVERY_STATUS,
          abortSignal: hideFromInspect(signal),
        },
        (error, response) => {
          if (error) reject(error);
          else resolve(response as IncomingMessage); // That is what `isStream` gives.
        },
      );
    });
}

/** Every field is given: dockerode fills those that are missing from the DOCKER_* variables of this process. */
function modemOptions(endpoint: DockerEndpoint): Dockerode.DockerOptions & { agent: Agent } {
  const agent = hideFromInspect(createAgent(endpoint));
  if (endpoint.socketPath !== null) {
    return { agent, protocol: "http", host: "", port: "", socketPath: endpoint.socketPath };
  }
  const { hostname, port } = new URL(endpoint.url);
  const protocol = endpoint.tls === undefined ? "http" : "https";
  return { agent, protocol, host: hostname.replace(/^\[|\]$/g, ""), port };
}

/**
 * docker-modem renders the options of every request to their last depth for its debug log, wanted or not. The agent leads
 * to all open sockets, so that without this a request would cost more the more of them are under way.
 */
function hideFromInspect<T extends object>(value: T): T {
  return Object.defineProperty(value, inspect.custom, { value: () => "(not shown)", configurable: true });
}

/** Every answer is handed over; which are failures is decided by the transport. */
const EVERY_STATUS: Record<number, true> = Object.fromEntries(
  Array.from({ length: 500 }, (_, index) => [100 + index, true] as const),
);
