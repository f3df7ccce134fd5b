import type { NewEvent } from "@stigmer/agent-runner/event-log";
import type { Store } from "../../store/open.ts";
import type { KeptNeeds } from "./kept-needs.ts";
import type { LiveExecution } from "./live-execution.ts";
import { keyOf, type Work } from "./work.ts";

/**
 * Writes down which session holds what, all or none. At its first lease an execution begins to run, and a node run
 * begins and says so.
 * @returns the number of the last event of each execution that got one; the caller keeps it.
 */
export function writeLeases(
  store: Store,
  leases: { work: Work; id: string }[],
  { needs, runnerSession, startedAt }: { needs: KeptNeeds; runnerSession: string; startedAt: string },
): Map<LiveExecution, number> {
  const lastSeqs = new Map<LiveExecution, number>();
  store.transaction(() => {
    for (const { work, id } of leases) {
      const { execution } = work;
      store.tasks.lease(keyOf(work), { id, runnerSession, attempt: work.attempt + 1 });
      if (work.attempt > 0) continue;
      const events = begin(store, work, { needs, startedAt });
      if (events.length === 0) continue;
      const lastSeq = lastSeqs.get(execution) ?? execution.lastSeq;
      lastSeqs.set(execution, store.events.append(execution.number, lastSeq, events));
    }
  });
  return lastSeqs;
}

function begin(
  store: Store,
  { execution, run }: Work,
  { needs, startedAt }: { needs: KeptNeeds; startedAt: string },
): NewEvent[] {
  const { number, conversationId, kind, lastSeq } = execution;
  if (run > 0) {
    store.nodeRuns.markStarted(number, run, startedAt);
    const { node, iteration } = store.nodeRuns.get(number, run);
    return [{ type: "node.started", time: startedAt, data: { node, iteration } }];
  }
  if (kind === "agent") {
    // What others say in the conversation from now on is not for this execution, however often it is resumed.
    const turns = conversationId === null ? 0 : store.conversations.turnCount(conversationId);
    store.executions.markRunning(number, startedAt, turns);
    return []; // Its runner says that it started.
  }
  if (lastSeq > 1) return []; // A later turn.
  store.executions.markRunning(number, startedAt, 0);
  const data = { models: needs.modelsOf(store.executions.byNumber(number)) };
  return [{ type: "execution.started", time: startedAt, data }];
}
