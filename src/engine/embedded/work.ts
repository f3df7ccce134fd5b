import type { QueueName } from "@stigmer/agent-runner/protocol";
import type { TaskKey, TaskRow } from "../../store/tasks.ts";
import type { LiveExecution } from "./live-execution.ts";

/** The right of one runner session to work on a task until it expires. */
export interface Lease {
  id: string;
  sessionId: string;
  expiry: { cancel(): void };
}

/** A task of an unfinished execution as the server holds it. */
export interface Work {
  /** Its place in the order of creation, which is the order of the queue. */
  readonly number: number;
  readonly execution: LiveExecution;
  /** 0 for the execution's own task, an agent or the turn of a workflow; else the node run that it does. */
  readonly run: number;
  readonly queue: QueueName;
  attempt: number;
  deaths: number;
  /** Of a turn: a node run ended while it was leased, so that another turn has to come after it. */
  isStale: boolean;
  lease: Lease | null;
}

/** Nobody's yet; its execution has it from now on. */
export function createWork(execution: LiveExecution, task: Omit<TaskRow, "execution" | "lease">): Work {
  const work: Work = { ...task, execution, lease: null };
  execution.works.set(work.run, work);
  return work;
}

/** Work that was just stored. */
export function createNewWork(execution: LiveExecution, task: Pick<TaskRow, "number" | "run" | "queue">): Work {
  return createWork(execution, { ...task, attempt: 0, deaths: 0, isStale: false });
}

/** A turn of the interpreter, which decides what a workflow does next. */
export function isTurn({ execution, run }: Work): boolean {
  return execution.kind === "workflow" && run === 0;
}

/** What the store knows it by. */
export function keyOf({ execution, run }: Work): TaskKey {
  return { execution: execution.number, run };
}
