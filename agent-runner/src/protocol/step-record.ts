/** What is remembered of the steps of a task. */
import type { Json } from "./messages.ts";

export interface TokenUsage {
  input: number;
  output: number;
}

export interface ToolCallRequest {
  callId: string;
  tool: string;
  /** As the model wrote it; a string when it was not a JSON object. */
  arguments: Json;
  /** What the provider wants to be given back with the call in later requests, e.g. a signature; opaque to us. */
  providerMetadata?: { [key: string]: Json };
}

/** Why the service ended an answer before the model did; null: it did not. */
export type AnswerCut = "length" | "content-filter";

export function cutOf(finishReason: string | null): AnswerCut | null {
  return finishReason === "length" || finishReason === "content-filter" ? finishReason : null;
}

/** What the loop remembers of a step: enough to rebuild the conversation and to tell what was interrupted. */
export type StepRecord =
  | {
      kind: "model";
      /** Null until finished. */
      text: string | null;
      toolCalls: ToolCallRequest[];
      tokens: TokenUsage;
      finishReason: string | null;
    }
  | {
      kind: "tool";
      callId: string;
      tool: string;
      arguments: Json;
      ok: boolean | null;
      output: string | null;
    };
