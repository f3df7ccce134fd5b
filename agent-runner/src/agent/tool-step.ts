import type { StepRecord } from "../protocol/messages.ts";
import type { Toolbox } from "../tools/toolbox.ts";
import { INTERRUPTED_OUTPUT } from "./history.ts";
import type { ToolCall } from "./next-step.ts";
import type { Recorder } from "./recorder.ts";

type ToolRecord = Extract<StepRecord, { kind: "tool" }>;

export interface ToolStepOptions {
  calls: ToolCall[];
  toolbox: Toolbox;
  recorder: Recorder;
  signal: AbortSignal;
}

export interface FinishedToolStep {
  step: number;
  record: ToolRecord;
}

/**
 * Runs all calls of one answer at once, recorded before and after. They start when the server holds the records of
 * their beginning: only so can a later runner know that a call was interrupted and must not be run a second time.
 * @throws the signal's reason
 */
export async function runToolSteps({ calls, toolbox, recorder, signal }: ToolStepOptions): Promise<FinishedToolStep[]> {
  for (const { step, call } of calls) {
    recorder.event(step, "step.started", { kind: "tool" });
    recorder.event(step, "tool.started", { tool: call.tool, callId: call.callId, arguments: call.arguments });
    recorder.step(step, "started", recordOf(call, null, null));
  }
  await recorder.recorded();
  if (signal.aborted) throw signal.reason;

  // Not `all`: a cancelled execution is over only when each of its tools is.
  const ended = await Promise.allSettled(
    calls.map(async ({ step, call, interrupted }) => {
      const { ok, output } = interrupted ? INTERRUPTED : await toolbox.run(call.tool, call.arguments, signal);
      // The record comes last: it is what keeps a later runner from telling the end again.
      recorder.event(step, "tool.completed", { tool: call.tool, callId: call.callId, ok, output });
      return { step, record: recorder.step(step, "finished", recordOf(call, ok, output)) };
    }),
  );
  return ended.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

const INTERRUPTED = { ok: false, output: INTERRUPTED_OUTPUT };

function recordOf(call: ToolCall["call"], ok: boolean | null, output: string | null): ToolRecord {
  return { kind: "tool", callId: call.callId, tool: call.tool, arguments: call.arguments, ok, output };
}
