import type { EventType, ExecutionEvent } from "@stigmer/agent-runner/protocol";
import type { Store } from "../../store/open.ts";
import type { EventBell } from "./event-bell.ts";

/** Events read at once: a slow reader costs the server this much memory, however long the log. */
const PAGE = 64;

const TERMINAL: readonly EventType[] = [
  "execution.succeeded",
  "execution.failed",
  "execution.cancelled",
  "execution.timed_out",
];

/**
 * The events after `afterSeq` as the reader takes them; with `follow` on to the terminal one. Ends early when the reader
 * leaves (`signal`) or the server does (`closing`, after which the bell rings).
 */
export async function* readEvents(options: {
  store: Store;
  bell: EventBell;
  execution: { number: number; id: string };
  afterSeq: number;
  follow: boolean;
  /** Asked when the log holds nothing more: nothing will come to one that ended before `afterSeq`. */
  hasEnded: () => boolean;
  signal: AbortSignal;
  closing: AbortSignal;
}): AsyncIterable<ExecutionEvent> {
  const { store, bell, execution, follow, signal, closing } = options;
  let seq = options.afterSeq;
  while (!signal.aborted && !closing.aborted) {
    const page = store.events.page(execution, seq, PAGE);
    if (page.length === 0) {
      if (!follow || options.hasEnded()) return;
      await bell.wait(execution.id, signal);
      continue;
    }
    for (const event of page) {
      yield event;
      seq = event.seq;
      if (TERMINAL.includes(event.type)) return;
    }
  }
}
