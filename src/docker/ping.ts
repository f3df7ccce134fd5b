import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { systemErrorCode } from "../errors.ts";
import type { DockerEndpoint } from "./engine.ts";
import { createAgent } from "./tls.ts";

/** How an endpoint took a `GET /_ping`. `unsupported`: it could not be dialled at all. */
export type PingOutcome = "ok" | "absent" | "refused" | "forbidden" | "unresponsive" | "garbage" | "unsupported";

export interface PingResult {
  outcome: PingOutcome;
  /** One clause for the user, such as "nobody serves the socket". */
  detail: string;
  /** The newest API version of the engine, null when it does not say. */
  apiVersion: string | null;
}

export interface PingOptions {
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/** No engine answers a ping with more; whatever sends more is none. */
const MAX_BODY_BYTES = 4096;

/** Asks an endpoint whether a Docker engine is behind it. Never rejects. Needs no library: it runs on every start. */
export function pingEndpoint(endpoint: DockerEndpoint, { timeoutMs, signal }: PingOptions): Promise<PingResult> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const finish = (result: PingResult) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abandon);
      resolve(result);
      request?.destroy();
    };
    const abandon = () => finish(failed("unresponsive", "not awaited any longer"));
    const fail = (error: unknown) => finish(explain(error));
    const request = send(endpoint, fail);
    if (request === null) return;
    timer = setTimeout(() => finish(failed("unresponsive", `no answer within ${timeoutMs / 1000} s`)), timeoutMs);
    signal?.addEventListener("abort", abandon, { once: true });
    request.on("error", fail);
    request.on("response", (response) => {
      response.on("error", fail);
      judge(response).then(finish, fail);
    });
    request.end();
    if (signal?.aborted) abandon();
  });
}

function send(endpoint: DockerEndpoint, fail: (error: unknown) => void) {
  try {
    const agent = createAgent(endpoint);
    if (endpoint.socketPath !== null) return httpRequest({ socketPath: endpoint.socketPath, path: "/_ping", agent });
    const { hostname, port } = new URL(endpoint.url);
    const request = endpoint.tls === undefined ? httpRequest : httpsRequest;
    return request({ hostname: hostname.replace(/^\[|\]$/g, ""), port, path: "/_ping", agent });
  } catch (error) {
    fail(error); // Unreadable certificates, or a path that no socket address can hold.
    return null;
  }
}

async function judge(response: IncomingMessage): Promise<PingResult> {
  let body = "";
  for await (const chunk of response) {
    body += String(chunk);
    if (body.length > MAX_BODY_BYTES) return failed("garbage", "it answers, but not as a Docker engine does");
  }
  const header = response.headers["api-version"];
  const apiVersion = typeof header === "string" && /^\d+\.\d+$/.test(header) ? header : null;
  const statusCode = response.statusCode ?? 0;
  if (statusCode === 200 && (apiVersion !== null || body.trim() === "OK"))
    return { outcome: "ok", detail: "answers", apiVersion };
  // Desktop's and Colima's proxies answer for an engine that is still starting.
  if (statusCode >= 500)
    return failed("unresponsive", `it answers HTTP ${statusCode}, as a proxy without its engine does`);
  return failed("garbage", `it answers HTTP ${statusCode}, but not as a Docker engine does`);
}

function explain(error: unknown): PingResult {
  const code = systemErrorCode(error) ?? "";
  if (code === "ENOENT" || code === "ENOTDIR") return failed("absent", "there is no socket");
  if (code === "EACCES" || code === "EPERM") return failed("forbidden", "this user may not use the socket");
  if (code === "ECONNREFUSED") return failed("refused", "nobody serves it");
  if (code === "ECONNRESET" || code === "EPIPE") return failed("refused", "it closes the connection without an answer");
  if (code === "ETIMEDOUT") return failed("unresponsive", "the connection timed out");
  if (code.startsWith("HPE_")) return failed("garbage", "it answers, but not in HTTP");
  // Certificates that do not fit, a host that is not known, a path too long for a socket: dialling itself failed.
  return failed("unsupported", error instanceof Error ? error.message : String(error));
}

function failed(outcome: PingOutcome, detail: string): PingResult {
  return { outcome, detail, apiVersion: null };
}
