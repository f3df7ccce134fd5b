import type { QueueName } from "@stigmer/agent-runner/protocol";
import type { Clock } from "../../platform/clock.ts";
import type { Stopping } from "../../store/tasks.ts";
import type { Mask } from "./mask.ts";
import { RunningTime } from "./running-time.ts";
import type { UnfinishedTask } from "./unfinished.ts";

/** The right of one runner session to work on an execution until it expires. */
export interface Lease {
  id: string;
  sessionId: string;
  expiry: { cancel(): void };
}

/** An unfinished execution as the server holds it; the store has the same, to begin again from. */
export interface Work {
  /** Its place in the order of creation, which is the order of the queue. */
  readonly number: number;
  readonly executionId: string;
  readonly queue: QueueName;
  readonly limitMs: number;
  /** `--session`. */
  readonly conversationId: string | null;
  readonly time: RunningTime;
  /** It was given variables, which may be secrets, in its task. */
  readonly hasEnvironment: boolean;
  /** Number of its last event. */
  lastSeq: number;
  attempt: number;
  deaths: number;
  lease: Lease | null;
  /** It is being ended: its runner was asked to put it down. */
  stopping: Stopping | null;
  /** Ends it when the runner did not answer that in time. */
  stopDeadline: { cancel(): void } | null;
  /** When `time` was last written down, by the monotonic clock. */
  timeSavedAtMs: number;
  /** Made from its secrets when it is first needed. */
  mask: Mask | null;
}

/** Nobody's yet, with its clock standing still. */
export function createWork(task: UnfinishedTask, { clock, onTimeUp }: { clock: Clock; onTimeUp: () => void }): Work {
  const { limitMs } = task;
  return {
    number: task.execution,
    executionId: task.executionId,
    queue: task.queue,
    limitMs,
    conversationId: task.conversationId,
    hasEnvironment: task.hasEnvironment,
    time: new RunningTime({ clock, limitMs, usedMs: task.elapsedMs, onUp: onTimeUp }),
    lastSeq: task.lastSeq,
    attempt: task.attempt,
    deaths: task.deaths,
    lease: null,
    stopping: null,
    stopDeadline: null,
    timeSavedAtMs: clock.monotonicMs(),
    mask: null,
  };
}
