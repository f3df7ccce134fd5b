import type { ModelMessage, ToolOutcome } from "../models/model.ts";
import type { AgentTask, ToolCallRequest } from "../protocol/messages.ts";
import { type AnswerCut, cutOf } from "../protocol/step-record.ts";

export type RecordedStep = AgentTask["steps"][number];

/** What is known of an execution: how it was asked, and the steps that began or finished so far. */
export interface History {
  message: string;
  conversation: AgentTask["conversation"];
  steps: readonly RecordedStep[];
}

/** The result of a call whose runner died in the middle of it. */
export const INTERRUPTED_OUTPUT =
  "interrupted: the runner stopped while this tool was running, and how far it came is not known";

export interface FinishedModelStep {
  text: string;
  toolCalls: ToolCallRequest[];
  cut: AnswerCut | null;
}

/** One answer of the model with what became of its calls. */
export interface Turn {
  answer: FinishedModelStep;
  results: ToolOutcome[];
  /** Calls that began and did not finish: their steps by call id. */
  begun: Map<string, number>;
}

export interface FoldedSteps {
  turns: Turn[];
  /** Model calls since the last finished step that began and did not finish. */
  interruptedModelCalls: number;
  /** The highest number used, 0 before the first step. */
  lastStep: number;
  finishedSteps: number;
}

/** Reads the recorded steps in their order; of a step that was recorded twice, its end counts. */
export function foldSteps(recorded: readonly RecordedStep[]): FoldedSteps {
  const folded: FoldedSteps = { turns: [], interruptedModelCalls: 0, lastStep: 0, finishedSteps: 0 };
  for (const { step, phase, record } of inOrder(recorded)) {
    folded.lastStep = step;
    if (phase === "finished") folded.finishedSteps += 1;
    if (record.kind === "model") {
      if (phase === "started") {
        folded.interruptedModelCalls += 1;
        continue;
      }
      folded.interruptedModelCalls = 0;
      folded.turns.push({
        answer: { text: record.text ?? "", toolCalls: record.toolCalls, cut: cutOf(record.finishReason) },
        results: [],
        begun: new Map(),
      });
      continue;
    }
    const turn = folded.turns.at(-1);
    const { callId, tool } = record;
    if (phase === "started") turn?.begun.set(callId, step);
    else turn?.results.push({ callId, tool, ok: record.ok ?? false, output: record.output ?? "" });
  }
  return folded;
}

/**
 * The conversation for the next model call; results stand in the order of their calls, however they came in.
 * @param correct what is said to an answer that calls no tool and that does not do
 */
export function toMessages(
  { conversation, message }: History,
  turns: readonly Turn[],
  correct: (answer: FinishedModelStep) => string,
): ModelMessage[] {
  return [
    ...conversation.map(
      ({ role, text }): ModelMessage => (role === "user" ? { role, text } : { role, text, toolCalls: [] }),
    ),
    { role: "user", text: message },
    ...turns.flatMap(({ answer, results }): ModelMessage[] => [
      { role: "assistant", text: answer.text, toolCalls: answer.toolCalls },
      answer.toolCalls.length === 0
        ? { role: "user", text: correct(answer) }
        : { role: "tool", results: inCallOrder(answer, results) },
    ]),
  ];
}

function inOrder(recorded: readonly RecordedStep[]): RecordedStep[] {
  const byStep = new Map<number, RecordedStep>();
  for (const entry of recorded) {
    if (byStep.get(entry.step)?.phase !== "finished") byStep.set(entry.step, entry);
  }
  return [...byStep.values()].sort((left, right) => left.step - right.step);
}

function inCallOrder(answer: FinishedModelStep, results: ToolOutcome[]): ToolOutcome[] {
  return answer.toolCalls.flatMap(({ callId }) => results.filter((result) => result.callId === callId));
}
