import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { Json } from "../../protocol/messages.ts";

/** A request after routing and authentication. */
export interface ApiRequest {
  params: Record<string, string>;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  /** The body as text, up to a limit. @throws HttpFailure 413 */
  text(): Promise<string>;
  /** Aborted when the client goes away before the answer ended. */
  signal: AbortSignal;
}

export type ApiAnswer =
  | { status: number; json: unknown; headers?: Record<string, string> }
  | { status: number; text: string; type: string; headers?: Record<string, string> }
  /** Writes the answer itself, to its end. */
  | { stream: (response: ServerResponse, signal: AbortSignal) => Promise<void> };

/** One endpoint, with what the API's description says of it. */
export interface Route {
  method: "GET" | "POST" | "DELETE";
  /** `{name}` stands for one part of a path. */
  path: string;
  /** Answers without the token. */
  isOpen: boolean;
  /** An operation object of OpenAPI 3.1; the listener adds what all endpoints share. */
  operation: { summary: string; responses: { [status: string]: Json } } & { [key: string]: Json };
  handle(request: ApiRequest): ApiAnswer | Promise<ApiAnswer>;
}
