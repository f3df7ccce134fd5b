import type { Connection } from "./connection.ts";
import { Silence } from "./deadline.ts";
import { readEventStream } from "./event-stream.ts";
import { toPath } from "./path.ts";
import { brokenStream, frameError, toFrame } from "./stream-frame.ts";

export interface EnsureOptions {
  connection: Connection;
  /** How long a pull may go on without progress. */
  idleTimeoutMs: number;
  signal: AbortSignal | undefined;
}

/** Waits for an image as long as its pull makes progress: a heartbeat alone is none. */
export async function ensureImage(
  image: { image: string; platform?: string | undefined },
  { connection, idleTimeoutMs, signal }: EnsureOptions,
): Promise<void> {
  const silence = new Silence(`progress of the pull of ${image.image}`, signal);
  silence.allow(idleTimeoutMs);
  try {
    const path = toPath("/v1/images/ensure/sse", { ...image });
    const options = { openTimeoutMs: idleTimeoutMs, signal: silence.signal };
    for await (const document of readEventStream(connection, path, options)) {
      const frame = toFrame(document);
      if (frame.type === "end") return;
      if (frame.type === "error") throw frameError(frame);
      silence.allow(idleTimeoutMs);
    }
    throw brokenStream();
  } finally {
    silence.end();
  }
}
