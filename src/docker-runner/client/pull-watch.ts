import type { Connection } from "./connection.ts";
import { Silence } from "./deadline.ts";
import { readEventStream } from "./event-stream.ts";
import { toPath } from "./path.ts";
import { toFrame } from "./stream-frame.ts";

export interface WantedImage {
  image: string;
  platform?: string | undefined;
}

export interface PullWatchOptions {
  connection: Connection;
  /** How long a call may take that pulls nothing, or whose pull makes no progress. */
  idleTimeoutMs: number;
  signal: AbortSignal | undefined;
}

/**
 * Waits for a call that may have to pull an image first, as long as the pull makes progress. Its progress is a stream of its
 * own, and it is opened only for a call that takes its time. Whether the image is there at last is the call's to say.
 */
export async function whilePullGoesOn<T>(
  image: WantedImage,
  call: (signal: AbortSignal) => Promise<T>,
  { connection, idleTimeoutMs, signal }: PullWatchOptions,
): Promise<T> {
  const silence = new Silence(`an answer, or progress of the pull of ${image.image},`, signal);
  const settled = new AbortController();
  const timer = setTimeout(() => void watch(), idleTimeoutMs / 2);
  silence.allow(idleTimeoutMs);
  try {
    return await call(silence.signal);
  } finally {
    clearTimeout(timer);
    silence.end();
    settled.abort(new Error("the call is answered"));
  }

  async function watch(): Promise<void> {
    const path = toPath("/v1/images/ensure/sse", { ...image });
    const options = { openTimeoutMs: idleTimeoutMs, signal: settled.signal };
    try {
      for await (const document of readEventStream(connection, path, options)) {
        // A heartbeat is no progress, and the end of the pull is some.
        if (toFrame(document).type !== "error") silence.allow(idleTimeoutMs);
      }
    } catch {
      // Without news of the pull the call has its ordinary time.
    }
  }
}
