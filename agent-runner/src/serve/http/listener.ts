import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Log } from "../../log.ts";
import { HttpFailure } from "./http-failure.ts";
import { readBody } from "./read-body.ts";
import type { ApiAnswer, Route } from "./route.ts";
import { createRouter, type Matched } from "./router.ts";

export interface ListenerOptions {
  routes: readonly Route[];
  /** Wanted wherever a route is not open; null: everybody may ask. */
  token: string | null;
  log: Log;
  /** Whether connections end with their next answer. */
  isClosing: () => boolean;
  /** Every answered request; `path` is the route's, so that there are few. */
  onAnswer: (answered: { method: string; path: string; status: number; ms: number }) => void;
}

/** What a route can throw besides {@link HttpFailure}, as the answer that it means; null: a fault of ours. */
export type FailureOf = (error: unknown) => HttpFailure | null;

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL | null;
  matched: Matched | null;
}

/** The API on one listener. Without the token every path, known or not, is 401, but for the open routes. */
export function createListener(options: ListenerOptions, failureOf: FailureOf): Server {
  const { token, log, onAnswer, isClosing } = options;
  const router = createRouter(options.routes);
  const expected = token === null ? null : digest(`Bearer ${token}`);
  const server = createServer((request, response) => {
    const began = performance.now();
    const method = request.method ?? "GET";
    const target = request.url ?? "/";
    // Not as a reference to a base: `//x/metrics` would be /metrics of a server x.
    const url = URL.parse(target.startsWith("/") ? `http://server${target}` : target, "http://server");
    const matched = url === null ? null : router.match(method, url.pathname);
    // A write to a connection that has just vanished; `close` tells of it, and without a listener the process would end.
    response.on("error", () => {});
    response.once("close", () => {
      const path = matched?.route.path ?? "unknown";
      onAnswer({ method, path, status: response.statusCode, ms: performance.now() - began });
    });
    answer({ request, response, url, matched }).catch((error: unknown) => {
      log.error(`${method} ${request.url}: ${error instanceof Error ? error.stack : error}`);
      response.destroy();
    });
  });
  // Waiting requests and followed streams are idle on purpose; a half-sent request is not.
  server.requestTimeout = 30_000;
  server.keepAliveTimeout = 65_000;
  return server;

  async function answer({ request, response, url, matched }: Exchange): Promise<void> {
    const gone = new AbortController();
    response.once("close", () => {
      if (!response.writableFinished) gone.abort(new Error("the client went away"));
    });
    try {
      const { route, params } = admit(request, url, matched);
      const result = await route.handle({
        params,
        query: url?.searchParams ?? new URLSearchParams(),
        headers: request.headers,
        text: () => readBody(request),
        signal: gone.signal,
      });
      if (isClosing()) response.shouldKeepAlive = false;
      if ("stream" in result && request.method === "HEAD") response.writeHead(200).end();
      else await send(response, result, gone.signal);
    } catch (error) {
      if (gone.signal.aborted) return; // Nobody is there to be told.
      if (response.headersSent) throw error;
      if (isClosing()) response.shouldKeepAlive = false;
      sendJson(response, toFailure(error, request));
    }
  }

  function admit(request: IncomingMessage, url: URL | null, matched: Matched | null): Matched {
    if (expected !== null && matched?.route.isOpen !== true && !isAuthorised(request, expected)) {
      throw new HttpFailure(401, "unauthorized", "the bearer token is missing or wrong", {
        headers: { "www-authenticate": "Bearer" },
      });
    }
    const path = url?.pathname ?? "";
    if (matched === null) {
      const methods = router.methodsOf(path);
      if (methods.length === 0)
        throw new HttpFailure(404, "not_found", `there is no ${path}: see GET / for what there is`);
      const allow = methods.join(", ");
      throw new HttpFailure(405, "method_not_allowed", `${path} knows ${allow}`, { headers: { allow } });
    }
    // A page of another site must not start or cancel jobs of a server on its reader's own machine.
    if (matched.route.method !== "GET" && request.headers["sec-fetch-site"] === "cross-site") {
      throw new HttpFailure(403, "cross_site", "a page of another site may not do this");
    }
    return matched;
  }

  function toFailure(
    error: unknown,
    request: IncomingMessage,
  ): { status: number; json: object; headers: Record<string, string> } {
    const known = error instanceof HttpFailure ? error : failureOf(error);
    if (known === null) {
      log.error(`${request.method} ${request.url}: ${error instanceof Error ? error.stack : error}`);
    }
    const failure =
      known ?? new HttpFailure(500, "internal", "this is a mistake of the server; its log has the details");
    return { status: failure.status, json: failure.toBody(), headers: failure.headers };
  }
}

function isAuthorised(request: IncomingMessage, expected: Buffer): boolean {
  // The scheme's case does not matter (RFC 9110 §11.1).
  const given = (request.headers.authorization ?? "").replace(/^bearer /i, "Bearer ");
  return timingSafeEqual(digest(given), expected);
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

async function send(response: ServerResponse, answer: ApiAnswer, signal: AbortSignal): Promise<void> {
  if ("stream" in answer) await answer.stream(response, signal);
  else if ("json" in answer) sendJson(response, answer);
  else write(response, { ...answer, payload: Buffer.from(answer.text) });
}

function sendJson(
  response: ServerResponse,
  answer: { status: number; json: unknown; headers?: Record<string, string> },
) {
  write(response, { ...answer, type: "application/json", payload: Buffer.from(JSON.stringify(answer.json)) });
}

interface Written {
  status: number;
  type: string;
  payload: Buffer;
  headers?: Record<string, string>;
}

function write(response: ServerResponse, { status, type, payload, headers }: Written): void {
  response.writeHead(status, {
    // RFC 9110: an answer without content has neither.
    ...(status === 204 ? {} : { "content-type": type, "content-length": payload.length }),
    "x-content-type-options": "nosniff",
    ...headers,
  });
  response.end(payload);
}
