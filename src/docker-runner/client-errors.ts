import type { Socket } from "node:net";
import { ApiError, toErrorBody } from "./api-error.ts";

const REASONS: Record<number, string> = { 400: "Bad Request", 401: "Unauthorized", 408: "Request Timeout" };

/** What cannot be read as a request never comes to a route; its answer has the form of all others. */
export function answerNoHttp(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const failure = toFailure(error.code);
  const body = JSON.stringify({ error: toErrorBody(failure) });
  const head = [
    `HTTP/1.1 ${failure.statusCode} ${REASONS[failure.statusCode]}`,
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

function toFailure(code: string | undefined): ApiError {
  switch (code) {
    case "HPE_HEADER_OVERFLOW": // An over-long signature is a wrong one.
      return new ApiError(401, "invalid_signature", "the headers are too long");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new ApiError(408, "request_timeout", "the request did not come in time", { retryable: true });
    default:
      return new ApiError(400, "validation_error", "this is no HTTP request");
  }
}
