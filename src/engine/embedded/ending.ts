import type { Delivery, Json, Outcome, TerminalEventType, TokenUsage } from "@stigmer/agent-runner/protocol";
import type { Store } from "../../store/open.ts";
import { describeDuration } from "./duration-text.ts";
import { messageOf } from "./prepare-run.ts";
import { recordItems } from "./record-items.ts";
import type { Work } from "./work.ts";

/** How an execution ends: what its runner reported, or what the server decided. */
export type Ending = Outcome | { phase: "failed"; error: { code: string; message: string }; tokens?: TokenUsage };

interface EndOptions {
  store: Store;
  work: Work;
  ending: Ending;
  items: Delivery[];
  /** RFC 3339. */
  now: string;
}

/**
 * Writes an execution's end: last items, the terminal event, the phase and the conversation, and deletes its task
 * with the environment in it. One transaction, so that there is exactly one terminal event however the process dies.
 */
export function endExecution({ store, work, ending, items, now }: EndOptions): void {
  const type: TerminalEventType = `execution.${ending.phase}`;
  store.transaction(() => {
    const lastSeq = recordItems(store, work, items);
    const error = errorOf(ending, work);
    store.events.append(work.number, lastSeq, [{ type, time: now, data: eventData(ending, error), delivery: null }]);
    const hasEnded = store.executions.end(work.number, {
      phase: ending.phase,
      endedAt: now,
      output: ending.phase === "succeeded" ? ending.output : null,
      error,
      tokens: tokensOf(store, work, ending),
    });
    if (!hasEnded) throw new Error(`execution ${work.executionId} had ended before`);
    store.tasks.delete(work.number);
    if (ending.phase === "succeeded") remember(store, work, ending.output);
  });
}

function errorOf(ending: Ending, work: Work): { code: string; message: string } | null {
  switch (ending.phase) {
    case "succeeded":
    case "cancelled":
      return null;
    case "failed":
      return ending.error;
    case "timed_out":
      return { code: "EXECUTION_TIMED_OUT", message: timeoutMessage(work) };
  }
}

function timeoutMessage({ limitMs, lease }: Work): string {
  const limit = describeDuration(limitMs);
  return lease === null
    ? `No runner took the execution within its time limit of ${limit}`
    : `The execution was over its time limit of ${limit}`;
}

function eventData(ending: Ending, error: { code: string; message: string } | null): { [key: string]: Json } {
  if (ending.phase === "succeeded") return { output: ending.output };
  return error === null ? {} : { error };
}

/** What the recorded model calls add up to, over all leases; a runner may know of more. */
function tokensOf(store: Store, work: Work, ending: Ending): TokenUsage {
  const recorded = store.steps.tokens(work.number);
  const reported = ("tokens" in ending ? ending.tokens : undefined) ?? recorded;
  return {
    input: Math.max(recorded.input, reported.input),
    output: Math.max(recorded.output, reported.output),
  };
}

function remember(store: Store, { conversationId, number }: Work, output: Json): void {
  if (conversationId === null) return;
  store.conversations.append(conversationId, [
    { role: "user", text: messageOf(store.executions.byNumber(number).input) },
    { role: "assistant", text: typeof output === "string" ? output : JSON.stringify(output) },
  ]);
}
