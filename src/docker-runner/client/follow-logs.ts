import { type ContainerLogLine, DockerRequestError } from "../../docker/engine.ts";
import { FramedLineReader } from "../../docker/log-lines.ts";
import { ContainerPosition } from "../../docker/log-position.ts";
import { TerminalLineReader } from "../../docker/terminal-lines.ts";
import { readEventStream } from "./event-stream.ts";
import { toPath } from "./path.ts";
import { DockerRunnerRequestError } from "./request-error.ts";
import { resume, type StreamOptions } from "./resume.ts";
import { brokenStream, frameError, type StreamFrame, toFrame } from "./stream-frame.ts";
import type { LogQuery } from "./wire.ts";

/**
 * A container's log, each line once however often the connection breaks: lines come with Docker's time, which says where to
 * go on. Ends when the container stops, or at the end of the log.
 */
export function followLogs(
  query: LogQuery,
  hasTerminal: boolean,
  options: StreamOptions,
): AsyncGenerator<ContainerLogLine> {
  const position = new ContainerPosition(null);
  return resume({
    ...options,
    open: (onOpen) => {
      const frames = readEventStream(options.connection, logsPath(query, position.since), { ...options, onOpen });
      return position.skipSeen(readLines(frames, hasTerminal));
    },
  });
}

/** From `since`, when a part was read before. */
function logsPath(query: LogQuery, since: string | null): string {
  const { containerId, follow = true, stderr, stdout, tail } = query;
  const range = since === null ? { since: query.since, tail } : { since };
  return toPath("/v1/containers/logs/sse", { containerId, follow, stdout, stderr, timestamps: true, ...range });
}

async function* readLines(documents: AsyncIterable<unknown>, hasTerminal: boolean): AsyncGenerator<ContainerLogLine> {
  const reader = hasTerminal ? new TerminalLineReader() : new FramedLineReader();
  for await (const document of documents) {
    const frame = toFrame(document);
    if (frame.type === "end") {
      yield* reader.end();
      return;
    }
    if (frame.type === "error") throw frameError(frame);
    yield* readFrame(frame, reader);
  }
  throw brokenStream();
}

function readFrame({ data, type }: StreamFrame, reader: FramedLineReader | TerminalLineReader): ContainerLogLine[] {
  if (type !== "chunk" || typeof data !== "string") return []; // A kind of frame that later services may have.
  try {
    return reader.push(Buffer.from(data, "base64"));
  } catch (error) {
    if (!(error instanceof DockerRequestError)) throw error;
    const answer = { code: "docker_error", message: error.message, retryable: false };
    throw new DockerRunnerRequestError(error.statusCode, answer, { cause: error });
  }
}
