import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import { systemErrorCode } from "../errors.ts";
import type { DockerEndpoint } from "./engine.ts";
import { createAgent } from "./tls.ts";
import type { Dial, EngineRequest } from "./transport.ts";

/** What a request that asked for its connection got: the connection, with the first bytes on it, or a refusal. */
export type Takeover = { socket: Socket; head: Buffer } | { refused: IncomingMessage };

export interface DirectDialer {
  dial: Dial;
  /** Asks the engine to make the connection a plain two-way pipe. Aborting ends the asking, not the pipe. */
  takeOver(request: EngineRequest, prefix: string, signal: AbortSignal): Promise<Takeover>;
}

/**
 * Dials with Node's own client over connections that are kept: for a service that passes thousands of calls a second on,
 * and that must be able to close one half of a connection. docker-modem costs ten times as much, and its streams end both
 * halves at once.
 */
export function createDirectDialer(endpoint: DockerEndpoint): DirectDialer {
  const send = endpoint.tls === undefined ? httpRequest : httpsRequest;
  const options = { ...addressOf(endpoint), agent: createAgent(endpoint, { keepAlive: true }) };

  const dial: Dial = (request, prefix, signal) =>
    new Promise((resolve, reject) => {
      const sent = send({ ...options, ...head(request, prefix), signal });
      sent.once("response", resolve);
      sent.on("error", (error) => {
        // A kept connection that died with its daemon is found out by the next request, which is innocent.
        if (sent.reusedSocket && request.method === "GET" && isBroken(error) && !signal.aborted) {
          dial(request, prefix, signal).then(resolve, reject);
        } else {
          reject(error);
        }
      });
      if (request.upload === undefined || Buffer.isBuffer(request.upload)) sent.end(request.upload ?? bodyOf(request));
      else request.upload.on("error", (error) => sent.destroy(error)).pipe(sent);
    });

  return {
    dial,
    takeOver: (request, prefix, signal) =>
      new Promise((resolve, reject) => {
        const { headers, ...rest } = head(request, prefix);
        const sent = send({ ...options, ...rest, headers: { ...headers, Connection: "Upgrade", Upgrade: "tcp" } });
        const abort = () => sent.destroy(signal.reason);
        signal.addEventListener("abort", abort, { once: true });
        const settled = () => signal.removeEventListener("abort", abort);
        sent.once("upgrade", (_response, socket, firstBytes) => {
          settled();
          resolve({ socket, head: firstBytes });
        });
        sent.once("response", (refused) => {
          settled();
          resolve({ refused });
        });
        sent.on("error", (error) => {
          settled();
          reject(error);
        });
        sent.end(bodyOf(request));
      }),
  };
}

function addressOf(endpoint: DockerEndpoint): RequestOptions {
  if (endpoint.socketPath !== null) return { socketPath: endpoint.socketPath, host: "docker" };
  const { hostname, port } = new URL(endpoint.url);
  return { host: hostname.replace(/^\[|\]$/g, ""), port };
}

function head({ headers, method, path, query, upload, body }: EngineRequest, prefix: string) {
  const search = query === undefined ? "" : `?${toSearch(query)}`;
  const type = upload !== undefined ? "application/x-tar" : body !== undefined ? "application/json" : null;
  return {
    method,
    path: `${prefix}${path}${search}`,
    headers: { ...headers, ...(type === null ? {} : { "Content-Type": type }) },
  };
}

function toSearch(query: Record<string, string | string[]>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, one);
  }
  return search.toString();
}

function bodyOf({ body }: EngineRequest): string | undefined {
  return body === undefined ? undefined : JSON.stringify(body);
}

function isBroken(error: Error): boolean {
  return ["ECONNRESET", "EPIPE"].includes(systemErrorCode(error) ?? "");
}
