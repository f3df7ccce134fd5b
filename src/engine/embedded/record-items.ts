import type { NewEvent } from "@stigmer/agent-runner/event-log";
import type { Delivery } from "@stigmer/agent-runner/protocol";
import type { Store } from "../../store/open.ts";
import type { LiveExecution } from "./live-execution.ts";
import type { Work } from "./work.ts";

/**
 * Writes what a runner delivered under the current lease, in one transaction. An event is known by execution, run,
 * attempt, step and index, so that one sent twice counts once, while a step that runs again under a later lease tells
 * its events anew. `execution.started` comes once, before all else that a runner tells: an earlier lease may have ended
 * before it was told, and a later one tells it again.
 * @returns the number of the last event then; the caller keeps it in the execution once its transaction is through.
 */
export function recordItems(store: Store, work: Work, items: Delivery[]): number {
  const { execution, run } = work;
  if (items.length === 0) return execution.lastSeq;
  return store.transaction(() => {
    const events: NewEvent[] = [];
    for (const item of items) {
      if (item.kind === "step") store.steps.record(execution.number, run, item);
      else events.push(toEvent(item, work));
    }
    return store.events.append(execution.number, execution.lastSeq, startedOnce(events, hasStarted(execution)));
  });
}

function toEvent(item: Extract<Delivery, { kind: "event" }>, { run, attempt }: Work): NewEvent {
  const { type, time, data, step, index } = item;
  return { type, time, data, delivery: { run, attempt, step, index } };
}

/** The first event is `execution.queued`; any further one means that it was started. */
function hasStarted({ lastSeq }: LiveExecution): boolean {
  return lastSeq > 1;
}

function startedOnce(events: NewEvent[], hasStarted: boolean): NewEvent[] {
  const [first] = events;
  const others = events.filter(({ type }) => type !== "execution.started");
  if (hasStarted || first === undefined) return others;
  const started = events.find(({ type }) => type === "execution.started");
  return [started ?? { type: "execution.started", time: first.time, data: {} }, ...others];
}
