import { DockerRunnerRequestError, networkError, toErrorAnswer } from "./request-error.ts";

/** One frame of an event stream: what it is, and what else it holds. */
export type StreamFrame = { type: string } & Record<string, unknown>;

/** @throws DockerRunnerRequestError when it is no JSON. */
export function parseDocument(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw networkError("the service sent something that is no JSON", error);
  }
}

/** @throws DockerRunnerRequestError when it is no frame. */
export function toFrame(document: unknown): StreamFrame {
  if (typeof document === "object" && document !== null && "type" in document && typeof document.type === "string") {
    return { ...document, type: document.type };
  }
  throw networkError("the stream holds something that is no frame");
}

/** What an `error` frame says. Without a code it tells of a broken connection to Docker: another one may hold. */
export function frameError(frame: StreamFrame): DockerRunnerRequestError {
  const answer = toErrorAnswer(frame["error"]) ?? toErrorAnswer(frame);
  if (answer !== null) return new DockerRunnerRequestError(0, answer);
  return new DockerRunnerRequestError(0, { code: "stream_error", message: messageOf(frame), retryable: true });
}

/** A stream that ended without saying that it has ended. */
export function brokenStream(): DockerRunnerRequestError {
  return networkError("the stream broke off");
}

function messageOf({ message }: StreamFrame): string {
  return typeof message === "string" ? message : "the stream ended with an error";
}
