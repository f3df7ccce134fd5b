import type { Store } from "../../store/open.ts";
import type { TaskRow } from "../../store/tasks.ts";
import type { Work } from "./work.ts";

/** A stored task and what of its execution the scheduler must know. */
export type UnfinishedTask = Pick<TaskRow, "execution" | "queue" | "attempt" | "deaths" | "elapsedMs"> &
  Pick<Work, "executionId" | "limitMs" | "conversationId" | "hasEnvironment" | "lastSeq">;

/** What an earlier server left unfinished, oldest first. */
export function readUnfinished(store: Store): (UnfinishedTask & Pick<TaskRow, "lease" | "stopping">)[] {
  return store.tasks.list().map(({ environment, ...task }) => {
    const { id, limitMs, conversationId } = store.executions.byNumber(task.execution);
    return {
      ...task,
      executionId: id,
      limitMs,
      conversationId,
      hasEnvironment: Object.keys(environment).length > 0,
      lastSeq: store.events.lastSeq(task.execution),
    };
  });
}
