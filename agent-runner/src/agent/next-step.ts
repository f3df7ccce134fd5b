import type { AgentDefinition } from "../definitions/agent-schema.ts";
import type { ModelMessage } from "../models/model.ts";
import type { ToolCallRequest } from "../protocol/messages.ts";
import { type FinishedModelStep, foldSteps, type History, type Turn, toMessages } from "./history.ts";

export interface ModelCall {
  kind: "model-call";
  /** The number of the new step. */
  step: number;
  messages: ModelMessage[];
  /** How many model calls are finished. */
  earlierCalls: number;
  /** 2 and more when earlier tries of this call were interrupted with their runner. */
  attempt: number;
}

export interface ToolCall {
  kind: "tool-call";
  step: number;
  call: ToolCallRequest;
  /** Its runner died in the middle and it must not be run twice: the model is told instead. */
  interrupted: boolean;
}

export type Finish =
  | { kind: "finish"; phase: "succeeded"; output: string }
  | { kind: "finish"; phase: "failed"; message: string };

export interface LoopRules {
  maxSteps: AgentDefinition["spec"]["limits"]["max_steps"];
  /** Whether a tool may be run again after an interruption. */
  isIdempotent: (tool: string) => boolean;
}

/**
 * The agent loop as a pure function: from what was recorded to what comes next. Steps that finished are never asked
 * for again; all calls of one answer come together.
 */
export function nextStep(rules: LoopRules, history: History): ModelCall | ToolCall[] | Finish {
  const { turns, interruptedModelCalls, lastStep, finishedSteps } = foldSteps(history.steps);
  const last = turns.at(-1);
  if (last !== undefined && last.answer.toolCalls.length === 0) {
    return { kind: "finish", phase: "succeeded", output: last.answer.text };
  }
  const open = last === undefined ? [] : openCalls(last, rules, lastStep);
  if (finishedSteps + Math.max(1, open.length) > rules.maxSteps) {
    return {
      kind: "finish",
      phase: "failed",
      message: `the agent did not come to an end within ${rules.maxSteps} steps (limits.max_steps)`,
    };
  }
  if (open.length > 0) return open;
  return {
    kind: "model-call",
    step: lastStep + 1,
    messages: toMessages(history, turns),
    earlierCalls: turns.length,
    attempt: interruptedModelCalls + 1,
  };
}

/** The calls of the last answer that have no result yet. One that began keeps its number, so that it ends once. */
function openCalls(turn: Turn, rules: LoopRules, lastStep: number): ToolCall[] {
  let next = lastStep + 1;
  return callsWithout(turn.answer, turn.results).map((call) => {
    const begun = turn.begun.get(call.callId);
    const step = begun ?? next++;
    return { kind: "tool-call", step, call, interrupted: begun !== undefined && !rules.isIdempotent(call.tool) };
  });
}

function callsWithout(answer: FinishedModelStep, results: Turn["results"]): ToolCallRequest[] {
  return answer.toolCalls.filter((call) => !results.some((result) => result.callId === call.callId));
}
