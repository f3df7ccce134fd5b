import type { Log } from "../log.ts";
import type { Mask } from "../logging/mask.ts";
import type { Outcome, TokenUsage } from "../protocol/messages.ts";
import type { StopReason } from "../session/task-channel.ts";
import { ExecutionFailure } from "./execution-failure.ts";
import type { RecordedStep } from "./history.ts";

export interface Ending {
  error: unknown;
  signal: AbortSignal;
  tokens: TokenUsage;
  mask: Mask;
  log: Log;
}

/** How an execution ends that threw; null when there is nobody left to report to. */
export function outcomeOf({ error, signal, tokens, mask, log }: Ending): Outcome | null {
  // The time limit of an agent in a workflow is the reason itself: it ends the node and not the execution.
  const reason: StopReason | ExecutionFailure | undefined = signal.aborted ? signal.reason : undefined;
  if (reason === "cancelled" || reason === "timed_out") return { phase: reason };
  if (typeof reason === "string") return null;
  if (error instanceof ExecutionFailure) {
    return { phase: "failed", error: { code: error.code, message: mask.apply(error.message) }, tokens };
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  log.error(`this is a bug: ${mask.apply(detail)}`);
  const message = mask.apply(error instanceof Error ? error.message : String(error));
  return { phase: "failed", error: { code: "INTERNAL", message }, tokens };
}

/** What all finished model calls used together, those under earlier leases included. */
export function countTokens(steps: readonly RecordedStep[]): TokenUsage {
  const total = { input: 0, output: 0 };
  for (const { phase, record } of steps) {
    if (phase !== "finished" || record.kind !== "model") continue;
    total.input += record.tokens.input;
    total.output += record.tokens.output;
  }
  return total;
}
