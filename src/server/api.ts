import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { AppError, type ErrorCode } from "../errors.ts";
import { gatherRecords } from "./gather-records.ts";
import type { ApiResponse, Route } from "./route.ts";

export interface ApiOptions {
  routes: Route[];
  /** Wanted on every path but `GET /health`; null where the socket's mode is the guard. */
  token: string | null;
  /** A fault that is no AppError: ours to see. */
  onFault: (error: unknown, request: { method: string; path: string }) => void;
}

const MAX_BODY_BYTES = 16 * 1024 * 1024;

/**
 * The server's API on one listener. Every unauthenticated path, known or not, is 401 before anything of the request
 * is parsed. Errors are `{"error": ErrorBody}`.
 */
export function createApi(options: ApiOptions): Server {
  const match = compileRoutes(options.routes);
  const expected = options.token === null ? null : digest(`Bearer ${options.token}`);
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      options.onFault(error, describe(request));
      response.destroy();
    });
  });
  // Long polls and followed streams are idle on purpose; a half-sent request is not.
  server.requestTimeout = 30_000;
  server.keepAliveTimeout = 65_000;
  return server;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Not as a URL, whose parser would take a workflow called ".." for a step up.
    const [pathname = "/", query = ""] = (request.url ?? "/").split("?", 2);
    const isHealth = request.method === "GET" && pathname === "/health";
    if (expected !== null && !isHealth && !isAuthorised(request, expected)) {
      sendJson(response, 401, errorBody("PERMISSION_DENIED", "The bearer token is missing or wrong"));
      return;
    }
    const matched = match(request.method ?? "GET", pathname);
    if (matched === null) {
      sendJson(response, 404, errorBody("NOT_FOUND", `No such path: ${request.method} ${pathname}`));
      return;
    }
    const gone = new AbortController();
    response.on("close", () => {
      if (!response.writableFinished) gone.abort(new Error("the client went away"));
    });
    try {
      const body = await readBody(request);
      const result = await matched.route.handle({
        method: matched.route.method,
        path: pathname,
        params: matched.params,
        query: new URLSearchParams(query),
        body,
        signal: gone.signal,
        raw: request,
      });
      await send(response, result, gone.signal);
    } catch (error) {
      if (gone.signal.aborted) return; // Nobody is there to be told.
      if (!(error instanceof AppError)) options.onFault(error, describe(request));
      sendError(response, error);
    }
  }
}

class BodyTooLarge extends AppError {
  constructor() {
    super("USAGE", `The request body is larger than ${MAX_BODY_BYTES} bytes`);
  }
}

/** The HTTP status of an error: what a client may do about it. */
function statusOf(error: AppError): number {
  return error instanceof BodyTooLarge ? 413 : statusOfCode(error.code);
}

function statusOfCode(code: ErrorCode): number {
  switch (code) {
    case "USAGE":
    case "CONFIG_INVALID":
    case "DEFINITION_INVALID":
      return 400;
    case "PERMISSION_DENIED":
      return 403;
    case "NOT_FOUND":
      return 404;
    case "INTERNAL":
      return 500;
    default:
      return 409;
  }
}

function compileRoutes(
  routes: Route[],
): (method: string, path: string) => { route: Route; params: Record<string, string> } | null {
  const compiled = routes.map((route) => ({ route, parts: route.path.split("/") }));
  return (method, path) => {
    const parts = path.split("/");
    for (const { route, parts: pattern } of compiled) {
      if (route.method !== method || pattern.length !== parts.length) continue;
      const params = matchParts(pattern, parts);
      if (params !== null) return { route, params };
    }
    return null;
  };
}

function matchParts(pattern: string[], parts: string[]): Record<string, string> | null {
  const params: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const actual = parts[index] ?? "";
    if (!expected.startsWith(":")) {
      if (expected !== actual) return null;
      continue;
    }
    const value = decode(actual);
    if (value === null || value === "") return null;
    params[expected.slice(1)] = value;
  }
  return params;
}

function decode(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null; // A malformed escape names nothing.
  }
}

function isAuthorised(request: IncomingMessage, expected: Buffer): boolean {
  return timingSafeEqual(digest(request.headers.authorization ?? ""), expected);
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const bytes = await readBytes(request);
  if (bytes.length === 0) return null;
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw new AppError("USAGE", "The request body is not JSON", { cause: error });
  }
}

/** By events: iterating over a request costs more than all else of a small one. */
function readBytes(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) chunks.push(chunk);
      else reject(new BodyTooLarge());
    });
    request.once("end", () => resolve(Buffer.concat(chunks)));
    request.once("error", reject);
    request.once("close", () => reject(new Error("the request was cut off")));
  });
}

async function send(response: ServerResponse, result: ApiResponse, signal: AbortSignal): Promise<void> {
  if ("body" in result) {
    sendJson(response, result.status, result.body);
    return;
  }
  const batches = gatherRecords(result.records);
  // The first record decides between an error answer and a stream.
  let next = await batches.next();
  response.writeHead(result.status, { "content-type": "application/x-ndjson" });
  try {
    while (next.done !== true && !signal.aborted) {
      if (!response.write(linesOf(next.value))) await drained(response, signal);
      next = await batches.next();
    }
    response.end(linesOf(next.value));
  } catch (error) {
    response.destroy();
    throw error;
  } finally {
    await batches.return([]);
  }
}

function linesOf(records: unknown[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      response.off("drain", finish);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    response.on("drain", finish);
    signal.addEventListener("abort", finish);
  });
}

function sendError(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (error instanceof AppError) sendJson(response, statusOf(error), { error: error.toBody() });
  else sendJson(response, 500, errorBody("INTERNAL", error instanceof Error ? error.message : String(error)));
}

function errorBody(code: ErrorCode, message: string): { error: ReturnType<AppError["toBody"]> } {
  return { error: new AppError(code, message).toBody() };
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  // As a text it goes out together with the head, in one piece.
  const payload = JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(payload) });
  response.end(payload);
}

function describe(request: IncomingMessage): { method: string; path: string } {
  return { method: request.method ?? "GET", path: (request.url ?? "/").split("?")[0] ?? "/" };
}
