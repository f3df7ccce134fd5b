import type { ModelMessage } from "../models/model.ts";
import type { Json, ToolCallRequest } from "../protocol/messages.ts";
import type { AnswerCut } from "../protocol/step-record.ts";
import {
  type FinishedModelStep,
  type FoldedSteps,
  foldSteps,
  type History,
  INTERRUPTED_OUTPUT,
  type Turn,
  toMessages,
} from "./history.ts";
import type { AnswerRule, StepLimit } from "./subject.ts";

export interface ModelCall {
  kind: "model-call";
  /** The number of the new step. */
  step: number;
  messages: ModelMessage[];
  /** How many model calls are finished. */
  earlierCalls: number;
  /** 2 and more when earlier calls for this answer gave a wrong one or were interrupted with their runner. */
  attempt: number;
  /** Why it is made again; null on the first attempt. */
  retryReason: string | null;
}

export interface ToolCall {
  kind: "tool-call";
  step: number;
  call: ToolCallRequest;
  /** Its runner died in the middle and it must not be run twice: the model is told instead. */
  interrupted: boolean;
}

export type Finish =
  | { kind: "finish"; phase: "succeeded"; output: Json }
  | { kind: "finish"; phase: "failed"; message: string };

export interface LoopRules {
  limit: StepLimit;
  fatalTools: readonly string[];
  answer: AnswerRule | null;
  /** Whether a tool may be run again after an interruption. */
  isIdempotent: (tool: string) => boolean;
}

/** Of an answer or a tool's output that a failure tells, the beginning. */
const SHOWN = 300;
const CUT: Record<AnswerCut, string> = {
  length: "was cut at the model's limit of tokens, max_tokens",
  "content-filter": "was cut by the content filter of the model's service",
};
const AGAIN = "Answer once more, in the form that was asked for.";

/**
 * The agent loop as a pure function: from what was recorded to what comes next. Steps that finished are never asked
 * for again; all calls of one answer come together.
 */
export function nextStep(rules: LoopRules, history: History): ModelCall | ToolCall[] | Finish {
  const folded = foldSteps(history.steps);
  const { turns, lastStep, finishedSteps } = folded;
  const last = turns.at(-1);
  const end = last === undefined ? null : findEnd(rules, turns, last);
  if (end !== null) return end;
  const open = last === undefined ? [] : openCalls(last, rules, lastStep);
  if (finishedSteps + Math.max(1, open.length) > rules.limit.maxSteps) return fail(rules.limit.message);
  return open.length > 0 ? open : callModel(rules, history, folded);
}

function findEnd({ answer: rule, fatalTools }: LoopRules, turns: readonly Turn[], last: Turn): Finish | null {
  const { text, toolCalls, cut } = last.answer;
  if (toolCalls.length > 0) {
    // An interruption is no error of the tool: a runner may die at any time.
    const fatal = last.results.find(
      ({ tool, ok, output }) => !ok && output !== INTERRUPTED_OUTPUT && fatalTools.includes(tool),
    );
    return fatal === undefined ? null : fail(`the tool ${fatal.tool} failed: ${shorten(fatal.output)}`);
  }
  if (rule === null && cut !== null && text.trim() === "") return fail(`the model gave no answer: it ${CUT[cut]}`);
  const read = readAnswer(rule, last.answer);
  if ("value" in read) return { kind: "finish", phase: "succeeded", output: read.value };
  const count = countAnswers(turns);
  const most = 1 + (rule?.maxRetries ?? 0);
  if (count < most) return null;
  return fail(
    `the model's answer ${read.problem}; this was answer ${count} of ${most}, and it began: ${shorten(text)}`,
  );
}

function callModel({ answer }: LoopRules, history: History, folded: FoldedSteps): ModelCall {
  const { turns, interruptedModelCalls, lastStep } = folded;
  const explain = (given: FinishedModelStep): string => {
    const read = readAnswer(answer, given);
    return "problem" in read ? read.problem : "was refused";
  };
  const last = turns.at(-1)?.answer;
  const wrong = last === undefined || last.toolCalls.length > 0 ? null : last;
  const interrupted = interruptedModelCalls > 0 ? "the runner was interrupted" : null;
  return {
    kind: "model-call",
    step: lastStep + 1,
    messages: toMessages(history, turns, (given) => `Your answer ${explain(given)}. ${AGAIN}`),
    earlierCalls: turns.length,
    attempt: 1 + interruptedModelCalls + (wrong === null ? 0 : countAnswers(turns)),
    retryReason: interrupted ?? (wrong === null ? null : `the model's answer ${explain(wrong)}`),
  };
}

/** The value of an answer, or what is wrong with it. */
function readAnswer(rule: AnswerRule | null, { text, cut }: FinishedModelStep): { value: Json } | { problem: string } {
  const read = rule === null ? { value: text } : rule.read(text);
  return "value" in read || cut === null ? read : { problem: `${read.problem} (it ${CUT[cut]})` };
}

/** Answers that called no tool: all but the last of them were wrong. */
function countAnswers(turns: readonly Turn[]): number {
  return turns.filter(({ answer }) => answer.toolCalls.length === 0).length;
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

function fail(message: string): Finish {
  return { kind: "finish", phase: "failed", message };
}

function shorten(text: string): string {
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`;
}
