import type { Store } from "../../store/open.ts";
import type { Work } from "./work.ts";

/** Writes down which session holds what, all or none; at its first lease an execution begins to run. */
export function writeLeases(
  store: Store,
  leases: { work: Work; id: string }[],
  { runnerSession, startedAt }: { runnerSession: string; startedAt: string },
): void {
  store.transaction(() => {
    for (const { work, id } of leases) {
      store.tasks.lease(work.number, { id, runnerSession, attempt: work.attempt + 1 });
      if (work.attempt > 0) continue;
      // What others say in the conversation from now on is not for this execution, however often it is resumed.
      const turns = work.conversationId === null ? 0 : store.conversations.turnCount(work.conversationId);
      store.executions.markRunning(work.number, startedAt, turns);
    }
  });
}
