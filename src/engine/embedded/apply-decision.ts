import { type Decision, QUEUES } from "@stigmer/agent-runner/protocol";
import type { Store } from "../../store/open.ts";
import type { TaskRow } from "../../store/tasks.ts";
import { keyOf, type Work } from "./work.ts";

type NewTask = Pick<TaskRow, "number" | "run" | "queue">;

/**
 * Writes what a turn decided to run, and that the turn is over, in one transaction; a run that had been asked for
 * before stays as it is. A turn that may not have seen the last end is followed by another.
 * @returns the tasks that come into being by it; null, with nothing written, when nothing would ever happen again.
 */
export function applyDecision(
  store: Store,
  turn: Work,
  { runs }: Extract<Decision, { kind: "run" }>,
): NewTask[] | null {
  const { number: execution } = turn.execution;
  const insert = (task: Pick<TaskRow, "run" | "queue">): NewTask => {
    return { number: store.tasks.insert({ execution, ...task }), ...task };
  };
  return store.transaction(() => {
    const added = runs.filter((run) => store.nodeRuns.insert(execution, run));
    if (!turn.isStale && !store.nodeRuns.hasOpen(execution)) return null;
    store.tasks.delete(keyOf(turn));
    const tasks = added.map(({ run }) => insert({ run, queue: QUEUES.agent }));
    return turn.isStale ? [...tasks, insert({ run: 0, queue: QUEUES.workflow })] : tasks;
  });
}
