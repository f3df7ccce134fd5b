import { readEventStream } from "./event-stream.ts";
import { toPath } from "./path.ts";
import { resume, type StreamOptions } from "./resume.ts";
import { brokenStream, frameError, toFrame } from "./stream-frame.ts";
import type { ContainerEvent, EventQuery } from "./wire.ts";

/**
 * What happens to this runner's containers, each event once however often the connection breaks; the engine keeps the last
 * 256 events for that. Ends only with the signal.
 */
export function followEvents(query: EventQuery, options: StreamOptions): AsyncGenerator<ContainerEvent> {
  const position = new EventPosition(query.since);
  const filters = query.filters && Buffer.from(JSON.stringify(query.filters)).toString("base64");
  return resume({
    ...options,
    open: (onOpen) => {
      const path = toPath("/v1/events/sse", { since: position.begin(), filters });
      return position.skipSeen(readEvents(readEventStream(options.connection, path, { ...options, onOpen })));
    },
  });
}

async function* readEvents(documents: AsyncIterable<unknown>): AsyncGenerator<ContainerEvent> {
  for await (const document of documents) {
    const frame = toFrame(document);
    // A line that the service could not read is told and skipped; the stream goes on.
    if (frame.type === "error" && frame["skipped"] !== true) throw frameError(frame);
    if (frame.type === "event") yield frame["event"] as ContainerEvent;
  }
  throw brokenStream();
}

/** Events of one moment may come in any order: so much is read again, and what was seen of it is dropped. */
const OVERLAP_MS = 100;

/** How far the events were read. */
class EventPosition {
  readonly #wantedSince: string | undefined;
  #openedMs: number | null = null;
  #newestMs: number | null = null;
  #recent: { timeMs: number; key: string }[] = [];
  /** The first one of all. */
  #firstKey: string | null = null;

  constructor(since: string | undefined) {
    this.#wantedSince = since;
  }

  /** For `since` of the next connection. Without an event so far, what came since the first one must not be missed. */
  begin(): string | undefined {
    if (this.#newestMs !== null) return toSeconds(this.#newestMs - OVERLAP_MS);
    if (this.#wantedSince !== undefined) return this.#wantedSince;
    if (this.#openedMs !== null) return toSeconds(this.#openedMs);
    this.#openedMs = Date.now();
    return undefined;
  }

  async *skipSeen(events: AsyncIterable<ContainerEvent>): AsyncGenerator<ContainerEvent> {
    const seen = this.#recent.map(({ key }) => key);
    // Reading began inside the overlap: what comes again from before that is older than what was asked for.
    let isBefore = seen.length > 0 && this.#firstKey === seen[0];
    for await (const event of events) {
      const key = JSON.stringify(event);
      const index = seen.indexOf(key);
      if (index >= 0) {
        seen.splice(index, 1);
        isBefore = false;
        continue;
      }
      if (isBefore && toMs(event) <= (this.#newestMs ?? 0)) continue;
      this.#pass(event, key);
      yield event;
    }
  }

  #pass(event: ContainerEvent, key: string): void {
    const timeMs = toMs(event);
    this.#firstKey ??= key;
    this.#newestMs = Math.max(this.#newestMs ?? 0, timeMs);
    const oldestMs = this.#newestMs - OVERLAP_MS;
    this.#recent = [...this.#recent.filter((recent) => recent.timeMs >= oldestMs), { timeMs, key }];
  }
}

function toMs({ time, timeNano }: ContainerEvent): number {
  return timeNano ? timeNano / 1e6 : time * 1_000;
}

/** More decimals than a millisecond has would be the noise of the division. */
function toSeconds(ms: number): string {
  return (ms / 1_000).toFixed(3);
}
