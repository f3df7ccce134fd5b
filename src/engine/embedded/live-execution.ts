import type { Clock } from "../../platform/clock.ts";
import type { Stopping, UnfinishedRow } from "../../store/unfinished.ts";
import type { Mask } from "./mask.ts";
import { RunningTime } from "./running-time.ts";
import type { Work } from "./work.ts";

/** An unfinished execution as the server holds it; the store has the same, to begin again from. */
export interface LiveExecution {
  /** Its place in the order of creation. */
  readonly number: number;
  readonly id: string;
  readonly kind: "agent" | "workflow";
  readonly limitMs: number;
  /** `--session`. */
  readonly conversationId: string | null;
  readonly time: RunningTime;
  /** It was given variables, which may be secrets. */
  readonly hasEnvironment: boolean;
  /** Its tasks by run: an agent has the one with 0, a workflow its next turn as that and one for each open node run. */
  readonly works: Map<number, Work>;
  /** Number of its last event. */
  lastSeq: number;
  /** It is being ended: its runners were asked to put it down. */
  stopping: Stopping | null;
  /** Ends it when the runners did not answer that in time. */
  stopDeadline: { cancel(): void } | null;
  /** When `time` was last written down, by the monotonic clock. */
  timeSavedAtMs: number;
  /** Made from its secrets when it is first needed. */
  mask: Mask | null;
}

/** Without a task, with its clock standing still. */
export function createLiveExecution(
  row: Omit<UnfinishedRow, "stopping"> & { lastSeq: number },
  { clock, onTimeUp }: { clock: Clock; onTimeUp: () => void },
): LiveExecution {
  const { limitMs } = row;
  return {
    number: row.execution,
    id: row.id,
    kind: row.kind,
    limitMs,
    conversationId: row.conversationId,
    hasEnvironment: Object.keys(row.environment).length > 0,
    time: new RunningTime({ clock, limitMs, usedMs: row.elapsedMs, onUp: onTimeUp }),
    works: new Map(),
    lastSeq: row.lastSeq,
    stopping: null,
    stopDeadline: null,
    timeSavedAtMs: clock.monotonicMs(),
    mask: null,
  };
}

/** How many of its tasks runners hold. */
export function countLeased(execution: LiveExecution): number {
  let count = 0;
  for (const { lease } of execution.works.values()) if (lease !== null) count += 1;
  return count;
}
