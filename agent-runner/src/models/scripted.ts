import { setTimeout as delay } from "node:timers/promises";
import type { AgentDefinition } from "../definitions/agent-schema.ts";
import type { ToolCallRequest } from "../protocol/messages.ts";
import type { Model, ModelPart, ModelRequest } from "./model.ts";

type Script = NonNullable<AgentDefinition["spec"]["model"]["script"]>;
type Entry = Script[number];

/**
 * Answers read from the definition: one entry a model call, the last repeated (engine.md §7). Which entry depends on
 * nothing but the number of finished calls, so that an interrupted call gives the same answer again.
 * @param delayMs how long one answer takes; a text is spread over it word by word.
 */
export function createScriptedModel(script: Script, delayMs: number): Model {
  return {
    async *call(request) {
      const entry = script[Math.min(request.earlierCalls, script.length - 1)];
      if (entry === undefined) throw new Error("a script without entries passed the validation");
      const text = entry.object === undefined ? (entry.text ?? "") : JSON.stringify(entry.object);
      yield* speak(text, delayMs, request.signal);
      for (const call of toolCallsOf(entry, request.earlierCalls)) yield { type: "tool-call", call };
      yield { type: "end", tokens: countTokens(request, text), finishReason: entry.tool_calls ? "tool-calls" : "stop" };
    },
  };
}

async function* speak(text: string, delayMs: number, signal: AbortSignal): AsyncGenerator<ModelPart> {
  const words = text.match(/\s*\S+\s*$|\s*\S+|\s+/g) ?? [];
  for (const word of words) {
    await pause(delayMs / words.length, signal);
    yield { type: "text", text: word };
  }
  if (words.length === 0) await pause(delayMs, signal);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) throw signal.reason;
  if (ms === 0) return;
  await delay(ms, undefined, { signal }).catch(() => {
    throw signal.reason;
  });
}

function toolCallsOf(entry: Entry, earlierCalls: number): ToolCallRequest[] {
  return (entry.tool_calls ?? []).map((call, index) => ({
    callId: `call_${earlierCalls + 1}_${index + 1}`,
    tool: call.tool,
    arguments: call.arguments,
  }));
}

/** Words instead of tokens: enough for a demonstration to show numbers that grow. */
function countTokens(request: ModelRequest, text: string) {
  const said = request.messages.map((message) => ("text" in message ? message.text : "")).join(" ");
  return { input: countWords(`${request.instructions} ${said}`), output: countWords(text) };
}

function countWords(text: string): number {
  return text.split(/\s+/).filter((word) => word !== "").length;
}
