import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { shuttingDown } from "../api-error.ts";
import type { Service } from "../service.ts";

/** A little less than the 15 s that readers are promised. */
const HEARTBEAT_MS = 14_000;

export interface EventStream {
  /** Aborted when the reader is gone or the service ends. */
  readonly signal: AbortSignal;
  /** Resolves when the reader can take more: nothing piles up here for one that is slow. */
  send(frame: object): Promise<void>;
  /** The last frame. */
  end(frame: object): Promise<void>;
}

/** Takes the answer over as server-sent events: `data:` frames of JSON, and a comment when nothing was said for long. */
export function openEventStream(
  request: FastifyRequest,
  reply: FastifyReply,
  { shutdown }: Pick<Service, "shutdown">,
): EventStream {
  reply.hijack();
  const response = reply.raw;
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  response.flushHeaders();
  const controller = new AbortController();
  const heartbeat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(": heartbeat\n\n");
  }, HEARTBEAT_MS);
  const stop = () => controller.abort(shuttingDown());
  shutdown.begun.addEventListener("abort", stop, { once: true });
  if (shutdown.begun.aborted) stop();
  response.on("error", () => {}); // The reader left; "close" follows.
  response.once("close", () => {
    clearInterval(heartbeat);
    shutdown.begun.removeEventListener("abort", stop);
    controller.abort(new Error("the reader is gone"));
  });

  async function send(frame: object): Promise<void> {
    heartbeat.refresh();
    if (!response.write(`data: ${JSON.stringify(frame)}\n\n`)) await untilDrained(response);
  }
  return {
    signal: controller.signal,
    send,
    async end(frame) {
      clearInterval(heartbeat);
      request.visit.errorCode = "type" in frame && frame.type === "error" ? "stream_failed" : null;
      if (response.destroyed) return;
      response.end(`data: ${JSON.stringify(frame)}\n\n`);
    },
  };
}

async function untilDrained(response: ServerResponse): Promise<void> {
  if (response.destroyed) return;
  const settled = new AbortController();
  const events = [once(response, "drain", settled), once(response, "close", settled)];
  try {
    await Promise.race(events);
  } finally {
    settled.abort();
    await Promise.allSettled(events);
  }
}
