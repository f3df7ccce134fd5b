import type { Delivery, Json, Outcome, TerminalEventType, TokenUsage } from "@stigmer/agent-runner/protocol";
import type { Store } from "../../store/open.ts";
import { describeDuration } from "./duration-text.ts";
import { countLeased, type LiveExecution } from "./live-execution.ts";
import { messageOf } from "./prepare-run.ts";
import { recordItems } from "./record-items.ts";
import type { Work } from "./work.ts";

type Failure = { code: string; message: string };

/** How an execution ends: what its runner reported, or what the server decided. */
export type Ending =
  | Outcome
  | { phase: "succeeded"; output: Json; tokens?: TokenUsage }
  | { phase: "failed"; error: Failure; node?: string | null; tokens?: TokenUsage };

/** The last that a runner told. */
export interface LastItems {
  work: Work;
  items: Delivery[];
}

interface EndOptions {
  store: Store;
  execution: LiveExecution;
  ending: Ending;
  last: LastItems | null;
  /** RFC 3339. */
  now: string;
}

/**
 * Writes an execution's end: last items, the terminal event, the phase and the conversation, and deletes its tasks
 * and its environment. One transaction, so that there is exactly one terminal event however the process dies.
 */
export function endExecution({ store, execution, ending, last, now }: EndOptions): void {
  const { number, id } = execution;
  const type: TerminalEventType = `execution.${ending.phase}`;
  store.transaction(() => {
    const lastSeq = last === null ? execution.lastSeq : recordItems(store, last.work, last.items);
    const error = errorOf(ending, execution);
    store.events.append(number, lastSeq, [{ type, time: now, data: eventData(ending, error) }]);
    const hasEnded = store.executions.end(number, {
      phase: ending.phase,
      endedAt: now,
      output: ending.phase === "succeeded" ? ending.output : null,
      error,
      tokens: tokensOf(store, execution, ending),
    });
    if (!hasEnded) throw new Error(`execution ${id} had ended before`);
    store.tasks.deleteAll(number);
    if (execution.hasEnvironment) store.unfinished.deleteEnvironment(number);
    if (execution.kind === "workflow") store.nodeRuns.cancelOpen(number, now);
    if (ending.phase === "succeeded") remember(store, execution, ending.output);
  });
}

function errorOf(ending: Ending, execution: LiveExecution): Failure | null {
  switch (ending.phase) {
    case "succeeded":
    case "cancelled":
      return null;
    case "failed":
      return ending.error;
    case "timed_out":
      return { code: "EXECUTION_TIMED_OUT", message: timeoutMessage(execution) };
  }
}

function timeoutMessage(execution: LiveExecution): string {
  const limit = describeDuration(execution.limitMs);
  // Nothing but `execution.queued` was ever told of it.
  return countLeased(execution) === 0 && execution.lastSeq <= 1
    ? `No runner took the execution within its time limit of ${limit}`
    : `The execution was over its time limit of ${limit}`;
}

function eventData(ending: Ending, error: Failure | null): { [key: string]: Json } {
  if (ending.phase === "succeeded") return { output: ending.output };
  if (error === null) return {};
  const node = "node" in ending ? (ending.node ?? null) : null;
  return node === null ? { error } : { error, node };
}

/** What the recorded model calls add up to, over all leases; a runner may know of more. */
function tokensOf(store: Store, { number }: LiveExecution, ending: Ending): TokenUsage {
  const recorded = store.steps.tokens(number);
  const reported = ("tokens" in ending ? ending.tokens : undefined) ?? recorded;
  return {
    input: Math.max(recorded.input, reported.input),
    output: Math.max(recorded.output, reported.output),
  };
}

function remember(store: Store, { conversationId, number }: LiveExecution, output: Json): void {
  if (conversationId === null) return;
  store.conversations.append(conversationId, [
    { role: "user", text: messageOf(store.executions.byNumber(number).input) },
    { role: "assistant", text: typeof output === "string" ? output : JSON.stringify(output) },
  ]);
}
