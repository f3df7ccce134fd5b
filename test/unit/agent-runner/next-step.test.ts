import { describe, expect, test } from "vitest";
import type { History, RecordedStep } from "../../../agent-runner/src/agent/history.ts";
import { nextStep } from "../../../agent-runner/src/agent/next-step.ts";

const RULES = { maxSteps: 10, isIdempotent: (tool: string) => tool === "file_read" };

function history(...steps: RecordedStep[]): History {
  return { message: "Go.", conversation: [], steps };
}

function model(step: number, text: string, ...calls: [callId: string, tool: string][]): RecordedStep {
  const toolCalls = calls.map(([callId, tool]) => ({ callId, tool, arguments: {} }));
  const tokens = { input: 1, output: 1 };
  return { step, phase: "finished", record: { kind: "model", text, toolCalls, tokens, finishReason: "stop" } };
}

function modelBegan(step: number): RecordedStep {
  return { ...model(step, ""), phase: "started" };
}

function tool(step: number, callId: string, name: string, output: string | null): RecordedStep {
  return {
    step,
    phase: output === null ? "started" : "finished",
    record: { kind: "tool", callId, tool: name, arguments: {}, ok: output === null ? null : true, output },
  };
}

describe("the agent loop", () => {
  test("begins with a model call that holds the earlier turns and the message", () => {
    const conversation = [
      { role: "user" as const, text: "Hi" },
      { role: "assistant" as const, text: "Hello" },
    ];
    expect(nextStep(RULES, { message: "Go.", conversation, steps: [] })).toEqual({
      kind: "model-call",
      step: 1,
      attempt: 1,
      earlierCalls: 0,
      messages: [
        { role: "user", text: "Hi" },
        { role: "assistant", text: "Hello", toolCalls: [] },
        { role: "user", text: "Go." },
      ],
    });
  });

  test("ends with the text of an answer that calls no tool", () => {
    expect(nextStep(RULES, history(model(1, "Done.")))).toEqual({
      kind: "finish",
      phase: "succeeded",
      output: "Done.",
    });
  });

  test("runs all calls of one answer together, each as a step of its own", () => {
    expect(nextStep(RULES, history(model(1, "", ["a", "shell"], ["b", "file_read"])))).toMatchObject([
      { step: 2, call: { callId: "a" }, interrupted: false },
      { step: 3, call: { callId: "b" }, interrupted: false },
    ]);
  });

  test("waits for all results, and tells them in the order of the calls", () => {
    const answer = model(1, "Look.", ["a", "shell"], ["b", "shell"]);
    expect(nextStep(RULES, history(answer, tool(3, "b", "shell", "B")))).toMatchObject([
      { step: 4, call: { callId: "a" } },
    ]);
    const next = nextStep(RULES, history(answer, tool(3, "b", "shell", "B"), tool(4, "a", "shell", "A")));
    expect(next).toMatchObject({ kind: "model-call", step: 5, earlierCalls: 1 });
    expect(next).toHaveProperty("messages", [
      { role: "user", text: "Go." },
      { role: "assistant", text: "Look.", toolCalls: expect.any(Array) },
      {
        role: "tool",
        results: [
          { callId: "a", tool: "shell", ok: true, output: "A" },
          { callId: "b", tool: "shell", ok: true, output: "B" },
        ],
      },
    ]);
  });

  test("tells calls of different answers apart even when they have the same id", () => {
    const steps = [model(1, "", ["0", "shell"]), tool(2, "0", "shell", "one"), model(3, "", ["0", "shell"])];
    expect(nextStep(RULES, history(...steps))).toMatchObject([{ step: 4, call: { callId: "0" }, interrupted: false }]);
  });

  test("is a pure function: the same history gives the same step, in whatever order it is told", () => {
    const steps = [model(1, "", ["a", "shell"]), tool(2, "a", "shell", null), tool(2, "a", "shell", "A")];
    expect(nextStep(RULES, history(...steps.toReversed()))).toEqual(nextStep(RULES, history(...steps)));
  });
});

describe("after an interruption", () => {
  test("a tool call is not run again but told as interrupted, under its own number", () => {
    const steps = [model(1, "", ["a", "shell"]), tool(2, "a", "shell", null)];
    expect(nextStep(RULES, history(...steps))).toMatchObject([{ step: 2, call: { callId: "a" }, interrupted: true }]);
  });

  test("an idempotent tool is run again", () => {
    const steps = [model(1, "", ["a", "file_read"]), tool(2, "a", "file_read", null)];
    expect(nextStep(RULES, history(...steps))).toMatchObject([{ step: 2, interrupted: false }]);
  });

  test("a finished call is never run again", () => {
    const steps = [
      model(1, "", ["a", "shell"], ["b", "shell"]),
      tool(2, "a", "shell", "A"),
      tool(3, "b", "shell", null),
    ];
    expect(nextStep(RULES, history(...steps))).toMatchObject([{ step: 3, call: { callId: "b" }, interrupted: true }]);
  });

  test("a model call is made again as a new step that says which attempt it is", () => {
    expect(nextStep(RULES, history(modelBegan(1), modelBegan(2)))).toMatchObject({
      kind: "model-call",
      step: 3,
      attempt: 3,
      earlierCalls: 0,
    });
  });
});

describe("limits.max_steps", () => {
  const answer = model(1, "", ["a", "shell"]);

  test("fails an agent that would go on beyond it", () => {
    const steps = [answer, tool(2, "a", "shell", "A")];
    expect(nextStep({ ...RULES, maxSteps: 2 }, history(...steps))).toMatchObject({ phase: "failed" });
    expect(nextStep({ ...RULES, maxSteps: 3 }, history(...steps))).toMatchObject({ kind: "model-call" });
  });

  test("counts every call of an answer before the first is run", () => {
    const two = model(1, "", ["a", "shell"], ["b", "shell"]);
    expect(nextStep({ ...RULES, maxSteps: 2 }, history(two))).toMatchObject({ phase: "failed" });
  });

  test("does not fail an agent whose last step is an answer", () => {
    expect(nextStep({ ...RULES, maxSteps: 1 }, history(model(1, "Done.")))).toMatchObject({ phase: "succeeded" });
  });

  test("does not count what was interrupted", () => {
    expect(nextStep({ ...RULES, maxSteps: 1 }, history(modelBegan(1), modelBegan(2)))).toMatchObject({
      kind: "model-call",
    });
  });
});
