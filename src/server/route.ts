import type { IncomingMessage } from "node:http";

/** A request after routing, authentication and parsing. */
export interface ApiRequest {
  method: string;
  path: string;
  params: Record<string, string>;
  query: URLSearchParams;
  /** Parsed JSON, or null without a body. Not validated. */
  body: unknown;
  /** Aborted when the client goes away before the answer ended. */
  signal: AbortSignal;
  raw: IncomingMessage;
}

/** A JSON answer, or newline-delimited JSON records as they come. AppErrors thrown become `{"error": ErrorBody}`. */
export type ApiResponse = { status: number; body: unknown } | { status: number; records: AsyncIterable<unknown> };

/** One route; `path` may hold `:name` parts. */
export interface Route {
  method: "GET" | "POST" | "DELETE";
  path: string;
  handle(request: ApiRequest): Promise<ApiResponse>;
}
