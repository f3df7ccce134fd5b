import type { IncomingMessage } from "node:http";
import { type Connection, explain } from "./connection.ts";
import { Silence } from "./deadline.ts";
import { networkError } from "./request-error.ts";
import { parseDocument } from "./stream-frame.ts";

/** The service sends a comment every 15 s: three that are missing mean that it is gone. */
const MAX_SILENCE_MS = 45_000;
/** A frame holds one chunk of Docker's or one event; this much without an end is none. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Opens a stream of server-sent events and yields the JSON document of each. The status is looked at before anything is
 * read, so that a refusal is an error and no empty stream.
 *
 * @throws DockerRunnerRequestError, also when the stream breaks off; the signal's reason.
 */
export async function* readEventStream(
  connection: Connection,
  path: string,
  options: { openTimeoutMs: number; signal: AbortSignal | undefined; onOpen?: () => void },
): AsyncGenerator<unknown> {
  const silence = new Silence("a sign of life", options.signal);
  try {
    silence.allow(options.openTimeoutMs);
    const headers = { accept: "text/event-stream" };
    const answer = await connection.send({ method: "GET", path, headers, alone: true }, silence.signal);
    options.onOpen?.();
    silence.allow(MAX_SILENCE_MS);
    const parser = new EventStreamParser();
    for await (const chunk of chunksOf(answer, silence.signal)) {
      silence.end(); // A reader that takes its time is no silence of the service.
      for (const data of parser.push(chunk)) yield parseDocument(data);
      silence.allow(MAX_SILENCE_MS);
    }
  } finally {
    silence.end();
  }
}

async function* chunksOf(answer: IncomingMessage, signal: AbortSignal): AsyncGenerator<Buffer> {
  try {
    yield* answer as AsyncIterable<Buffer>;
  } catch (error) {
    throw explain(error, signal);
  }
}

/** Takes `data:` fields out of a stream of server-sent events, wherever it is cut. */
export class EventStreamParser {
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #data: string[] = [];

  /** The data of the events that this chunk completes. */
  push(chunk: Buffer): string[] {
    const events: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#takeLine(this.#completeLine(chunk.subarray(start, end)), events);
      start = end + 1;
    }
    this.#keep(chunk.subarray(start));
    return events;
  }

  #completeLine(last: Buffer): string {
    const line = this.#pending.length === 0 ? last : Buffer.concat([...this.#pending, last]);
    this.#pending = [];
    this.#pendingBytes = 0;
    const end = line.at(-1) === CARRIAGE_RETURN ? line.length - 1 : line.length;
    return line.toString("utf8", 0, end);
  }

  #takeLine(line: string, events: string[]): void {
    if (line === "") {
      if (this.#data.length > 0) events.push(this.#data.join("\n"));
      this.#data = [];
    } else if (line.startsWith("data:")) {
      this.#data.push(line.slice(line[5] === " " ? 6 : 5));
    }
    // Comments are heartbeats; other fields are not used.
  }

  #keep(rest: Buffer): void {
    if (rest.length === 0) return;
    this.#pending.push(rest);
    this.#pendingBytes += rest.length;
    if (this.#pendingBytes > MAX_FRAME_BYTES) throw networkError("a frame of the stream does not end");
  }
}
