import { describe, expect, test } from "vitest";
import { type History, INTERRUPTED_OUTPUT, type RecordedStep } from "../../../agent-runner/src/agent/history.ts";
import { type LoopRules, nextStep } from "../../../agent-runner/src/agent/next-step.ts";

const RULES = limited(10);

function limited(maxSteps: number): LoopRules {
  const limit = { maxSteps, message: "too many steps" };
  return { limit, fatalTools: [], answer: null, isIdempotent: (tool) => tool === "file_read" };
}

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
      retryReason: null,
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
      retryReason: "the runner was interrupted",
      earlierCalls: 0,
    });
  });
});

describe("limits.max_steps", () => {
  const answer = model(1, "", ["a", "shell"]);

  test("fails an agent that would go on beyond it", () => {
    const steps = [answer, tool(2, "a", "shell", "A")];
    expect(nextStep(limited(2), history(...steps))).toMatchObject({ phase: "failed" });
    expect(nextStep(limited(3), history(...steps))).toMatchObject({ kind: "model-call" });
  });

  test("counts every call of an answer before the first is run", () => {
    const two = model(1, "", ["a", "shell"], ["b", "shell"]);
    expect(nextStep(limited(2), history(two))).toMatchObject({ phase: "failed" });
  });

  test("does not fail an agent whose last step is an answer", () => {
    expect(nextStep(limited(1), history(model(1, "Done.")))).toMatchObject({ phase: "succeeded" });
  });

  test("does not count what was interrupted", () => {
    expect(nextStep(limited(1), history(modelBegan(1), modelBegan(2)))).toMatchObject({
      kind: "model-call",
    });
  });
});

describe("a tool whose errors are fatal", () => {
  const rules = { ...RULES, fatalTools: ["shell"] };
  const failed = (step: number, callId: string, name: string, output: string): RecordedStep => {
    return { step, phase: "finished", record: { kind: "tool", callId, tool: name, arguments: {}, ok: false, output } };
  };

  test("ends the run with its error", () => {
    const steps = [model(1, "", ["a", "shell"], ["b", "file_read"]), tool(3, "b", "file_read", "B")];
    expect(nextStep(rules, history(...steps, failed(2, "a", "shell", "exit code: 1")))).toEqual({
      kind: "finish",
      phase: "failed",
      message: "the tool shell failed: exit code: 1",
    });
  });

  test("leaves the errors of others, and an interruption, to the model", () => {
    const steps = [model(1, "", ["a", "shell"], ["b", "file_read"])];
    const interrupted = failed(2, "a", "shell", INTERRUPTED_OUTPUT);
    const next = nextStep(rules, history(...steps, interrupted, failed(3, "b", "file_read", "error: no such file")));
    expect(next).toMatchObject({ kind: "model-call", step: 4 });
  });
});

describe("an answer that must have a form", () => {
  const read = (text: string) => (text === "7" ? { value: 7 } : { problem: "is no seven" });
  const rules = { ...RULES, answer: { schema: null, read, maxRetries: 2 } };

  test("is the output as it was read", () => {
    expect(nextStep(rules, history(model(1, "7")))).toEqual({ kind: "finish", phase: "succeeded", output: 7 });
  });

  test("is asked for again with what is wrong with it", () => {
    expect(nextStep(rules, history(model(1, "8")))).toMatchObject({
      kind: "model-call",
      step: 2,
      attempt: 2,
      retryReason: "the model's answer is no seven",
      earlierCalls: 1,
      messages: [
        { role: "user", text: "Go." },
        { role: "assistant", text: "8", toolCalls: [] },
        { role: "user", text: "Your answer is no seven. Answer once more, in the form that was asked for." },
      ],
    });
  });

  test("is asked for again after an interruption, which is told as the reason", () => {
    expect(nextStep(rules, history(model(1, "8"), modelBegan(2)))).toMatchObject({
      step: 3,
      attempt: 3,
      retryReason: "the runner was interrupted",
    });
  });

  test("may be wrong maxRetries times, then the run fails with what was wrong and how it began", () => {
    expect(nextStep(rules, history(model(1, "8"), model(2, "9")))).toMatchObject({ kind: "model-call", attempt: 3 });
    expect(nextStep(rules, history(model(1, "8"), model(2, "9"), model(3, `10${"0".repeat(1000)}`)))).toEqual({
      kind: "finish",
      phase: "failed",
      message: `the model's answer is no seven; this was answer 3 of 3, and it began: 10${"0".repeat(298)}…`,
    });
  });

  test("is not looked for in what the model says beside its tool calls", () => {
    const steps = [model(1, "Let me see.", ["a", "shell"]), tool(2, "a", "shell", "A"), model(3, "8")];
    expect(nextStep(rules, history(...steps))).toMatchObject({ kind: "model-call", attempt: 2, step: 4 });
  });
});
