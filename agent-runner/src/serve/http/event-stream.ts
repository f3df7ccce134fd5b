import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { ExecutionEvent } from "../../protocol/messages.ts";

export interface EventSource {
  /** Up to a page of events after this number. */
  page(afterSeq: number): ExecutionEvent[];
  /** Calls back whenever there may be more. @returns the end of it. */
  listen(listener: () => void): () => void;
}

/** A quiet stream carries a comment this often, in milliseconds: proxies cut what says nothing. */
const COMMENT_MS = 15_000;

export interface StreamOptions {
  source: EventSource;
  afterSeq: number;
  /** Aborted when the reader is gone. */
  signal: AbortSignal;
  /** Aborted when there will be no more events in this life of the server. */
  closing: AbortSignal;
}

/** Sends events as they come, each with its number as `id`, and ends after the terminal one. */
export async function streamEvents(response: ServerResponse, options: StreamOptions): Promise<void> {
  const { source, afterSeq, signal, closing } = options;
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no", // nginx would hold the events back.
  });
  response.flushHeaders();
  const news = createNews();
  const unlisten = source.listen(news.ring);
  const comments = setInterval(() => response.write(": still there\n\n"), COMMENT_MS);
  for (const end of [signal, closing]) end.addEventListener("abort", news.ring);
  let seq = afterSeq;
  try {
    while (!signal.aborted) {
      const events = source.page(seq);
      for (const event of events) {
        seq = event.seq;
        await write(response, frameOf(event), signal);
        if (isTerminal(event)) return;
      }
      if (events.length > 0) continue;
      if (closing.aborted) return;
      await news.next();
    }
  } finally {
    response.end();
    clearInterval(comments);
    unlisten();
    for (const end of [signal, closing]) end.removeEventListener("abort", news.ring);
  }
}

function isTerminal({ type }: ExecutionEvent): boolean {
  return /^execution\.(succeeded|failed|cancelled|timed_out)$/.test(type);
}

function frameOf(event: ExecutionEvent): string {
  return `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** A reader that is slow is waited for; it keeps a page of events in memory, no more. */
async function write(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  if (response.write(text) || signal.aborted) return;
  await once(response, "drain", { signal }).catch(() => {}); // Gone: the loop sees it.
}

/** A bell that remembers one ring while nobody waits. */
function createNews(): { ring: () => void; next: () => Promise<void> } {
  let isRung = false;
  let wake = (): void => {};
  return {
    ring: () => {
      isRung = true;
      wake();
    },
    next: () =>
      new Promise((resolve) => {
        wake = () => {
          isRung = false;
          wake = () => {};
          resolve();
        };
        if (isRung) wake();
      }),
  };
}
