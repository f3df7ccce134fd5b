import { expect, test } from "vitest";
import type { ModelPart } from "../../../agent-runner/src/models/model.ts";
import { createScriptedModel } from "../../../agent-runner/src/models/scripted.ts";

const SCRIPT = [
  { tool_calls: [{ tool: "shell", arguments: { command: "ls" } }] },
  { object: { a: 1 } },
  { text: "Bye for now." },
];

async function answer(earlierCalls: number, signal = new AbortController().signal, delayMs = 0): Promise<ModelPart[]> {
  const request = { instructions: "", messages: [], tools: [], answerSchema: null, earlierCalls, signal };
  const parts: ModelPart[] = [];
  for await (const part of createScriptedModel(SCRIPT, delayMs).call(request)) parts.push(part);
  return parts;
}

function textOf(parts: ModelPart[]): string {
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

test("each call has its entry, and the last is repeated", async () => {
  expect(await answer(0)).toMatchObject([
    { type: "tool-call", call: { callId: "call_1_1", tool: "shell", arguments: { command: "ls" } } },
    { type: "end" },
  ]);
  expect(textOf(await answer(1))).toBe('{"a":1}');
  expect(textOf(await answer(2))).toBe("Bye for now.");
  expect(textOf(await answer(7))).toBe("Bye for now.");
});

test("a text comes word by word", async () => {
  const texts = (await answer(2)).filter((part) => part.type === "text").map((part) => part.text);
  expect(texts).toEqual(["Bye", " for", " now."]);
});

test("a cancelled answer ends with the reason", async () => {
  const stop = new AbortController();
  const waiting = answer(2, stop.signal, 60_000);
  stop.abort("cancelled");
  await expect(waiting).rejects.toBe("cancelled");
});
