import { setTimeout as delay } from "node:timers/promises";
import type { Mask } from "../logging/mask.ts";
import { ModelFailure } from "../models/failure.ts";
import type { Model, ModelRequest, ToolOffer } from "../models/model.ts";
import type { StepRecord, ToolCallRequest } from "../protocol/messages.ts";
import { cutOf } from "../protocol/step-record.ts";
import { createDeltaStream } from "./delta-stream.ts";
import type { ModelCall } from "./next-step.ts";
import type { Recorder } from "./recorder.ts";
import { createStreamMask } from "./stream-mask.ts";

/** A model call is tried this often in all (engine.md §2). */
const TRIES = 3;
/** The pauses before the second and the third try, where the service did not ask for another. */
const PAUSES_MS = [500, 1_500];

type ModelRecord = Extract<StepRecord, { kind: "model" }>;

export interface ModelStepOptions {
  call: ModelCall;
  model: Model;
  instructions: string;
  tools: ToolOffer[];
  /** JSON Schema of the answer; null: text. */
  answerSchema: ModelRequest["answerSchema"];
  /** Model calls before the first of this loop. */
  callsBefore: number;
  recorder: Recorder;
  mask: Mask;
  secrets: readonly string[];
  signal: AbortSignal;
  /** Milliseconds until the execution's time is up. */
  remainingMs: () => number;
}

/**
 * Runs one model call with its repeats, recorded before and after.
 * @throws ModelFailure when the last try failed, or the signal's reason.
 */
export async function runModelStep(options: ModelStepOptions): Promise<ModelRecord> {
  const { call, recorder } = options;
  recorder.event(call.step, "step.started", { kind: "model" });
  const empty: ModelRecord = { kind: "model", text: null, toolCalls: [], tokens: NO_TOKENS, finishReason: null };
  recorder.step(call.step, "started", empty);
  if (call.retryReason !== null) {
    recorder.event(call.step, "step.retried", { attempt: call.attempt, reason: call.retryReason });
  }
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await readAnswer(options);
      if (answer.text !== "" && answer.text !== null) {
        const cut = cutOf(answer.finishReason);
        recorder.event(call.step, "message.completed", { text: answer.text, ...(cut === null ? {} : { cut }) });
      }
      return recorder.step(call.step, "finished", answer);
    } catch (error) {
      if (!(error instanceof ModelFailure) || !mayRepeat(error, attempt, options)) throw error;
      const reason = error.message;
      recorder.event(call.step, "step.retried", { attempt: call.attempt + attempt, reason });
      await pause(pauseMs(error, attempt), options.signal);
    }
  }
}

const NO_TOKENS = { input: 0, output: 0 };

async function readAnswer(options: ModelStepOptions): Promise<ModelRecord> {
  const { call, model, instructions, tools, answerSchema, recorder, mask, secrets, signal } = options;
  const streamMask = createStreamMask(mask, secrets);
  const deltas = createDeltaStream((text) => recorder.event(call.step, "message.delta", { text }));
  const request: ModelRequest = {
    instructions,
    messages: call.messages,
    tools,
    answerSchema,
    earlierCalls: options.callsBefore + call.earlierCalls,
    signal,
  };
  let text = "";
  const toolCalls: ToolCallRequest[] = [];
  try {
    for await (const part of model.call(request)) {
      if (signal.aborted) throw signal.reason;
      if (part.type === "text") {
        text += part.text;
        deltas.push(streamMask.push(part.text));
      } else if (part.type === "tool-call") {
        toolCalls.push(withUniqueId(part.call, call.step, toolCalls));
      } else {
        if (part.finishReason === "error") throw cutAnswer();
        return { kind: "model", text, toolCalls, tokens: part.tokens, finishReason: part.finishReason };
      }
    }
    throw cutAnswer();
  } finally {
    deltas.push(streamMask.end());
    deltas.flush();
  }
}

function cutAnswer(): ModelFailure {
  return new ModelFailure("the model's answer was cut off", { code: "EXECUTION_FAILED", repeatable: true });
}

/** Some services number their calls from 0 in every answer or give no id at all; results are told apart by it. */
function withUniqueId(call: ToolCallRequest, step: number, earlier: readonly ToolCallRequest[]): ToolCallRequest {
  const taken = call.callId === "" || earlier.some(({ callId }) => callId === call.callId);
  return taken ? { ...call, callId: `call_${step}_${earlier.length + 1}` } : call;
}

function mayRepeat(failure: ModelFailure, attempt: number, { remainingMs }: ModelStepOptions): boolean {
  return failure.repeatable && attempt < TRIES && pauseMs(failure, attempt) < remainingMs();
}

function pauseMs(failure: ModelFailure, attempt: number): number {
  return failure.retryAfterMs ?? PAUSES_MS[attempt - 1] ?? 0;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => {
    throw signal.reason;
  });
}
