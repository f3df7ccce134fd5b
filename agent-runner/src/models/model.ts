import type { Json, TokenUsage, ToolCallRequest } from "../protocol/messages.ts";

/** The conversation as every provider is told it. */
export type ModelMessage =
  | { role: "user"; text: string }
  | { role: "assistant"; text: string; toolCalls: ToolCallRequest[] }
  | { role: "tool"; results: ToolOutcome[] };

export interface ToolOutcome {
  callId: string;
  tool: string;
  ok: boolean;
  output: string;
}

/** A tool as the model is told of it. */
export interface ToolOffer {
  name: string;
  description: string;
  /** JSON Schema of an object. */
  parameters: { [key: string]: Json };
}

export interface ModelRequest {
  instructions: string;
  messages: ModelMessage[];
  tools: ToolOffer[];
  /** JSON Schema of an object that the answer must be, unless it calls tools; null: text. The instructions say it too. */
  answerSchema: { [key: string]: Json } | null;
  /** How many model calls of this execution, or of this node of a workflow, are finished. */
  earlierCalls: number;
  signal: AbortSignal;
}

export type ModelPart =
  | { type: "text"; text: string }
  | { type: "tool-call"; call: ToolCallRequest }
  /** The last part of a whole answer; an answer without it was cut. */
  | { type: "end"; tokens: TokenUsage; finishReason: string };

/** One model of one provider. A call is a single request: the loop, which records the repeats, repeats it. */
export interface Model {
  /** @throws ModelFailure, or the signal's reason. */
  call(request: ModelRequest): AsyncIterable<ModelPart>;
}
