import type {
  LanguageModelV3,
  LanguageModelV3CallOptions,
  LanguageModelV3FunctionTool,
  LanguageModelV3Message,
  LanguageModelV3StreamPart,
  LanguageModelV3ToolCall,
} from "@ai-sdk/provider";
import type { ModelChoice } from "../definitions/model-choice.ts";
import type { Json, ToolCallRequest } from "../protocol/messages.ts";
import { answerTooLong, explainFailure } from "./explain-failure.ts";
import type { Model, ModelMessage, ModelPart, ModelRequest, ToolOffer } from "./model.ts";
import { formatOptions, isFormatRefused } from "./response-format.ts";

/** Far more than any model says in one answer; one that never ends would take all memory. */
const LONGEST_ANSWER = 4 * 1024 * 1024;

export interface SdkModelOptions {
  model: LanguageModelV3;
  choice: ModelChoice;
  temperature: number | null;
  maxTokens: number | null;
}

/**
 * A model of the AI SDK, asked below the SDK's own loop: that loop runs tools, repeats requests and gathers steps by
 * itself, all of which have to be recorded here. A service that falls silent is cut by the HTTP client after 5 minutes.
 */
export function createSdkModel({ model, choice, temperature, maxTokens }: SdkModelOptions): Model {
  let takesFormats = true;
  const open = async (options: LanguageModelV3CallOptions, request: ModelRequest) => {
    const format = takesFormats ? formatOptions(choice.provider, request) : null;
    if (format === null) return await model.doStream(options);
    try {
      return await model.doStream({ ...options, ...format });
    } catch (error) {
      if (!isFormatRefused(error)) throw error;
      takesFormats = false;
      return await model.doStream(options);
    }
  };
  return {
    async *call(request) {
      const options: LanguageModelV3CallOptions = {
        prompt: toPrompt(request),
        abortSignal: request.signal,
        ...(request.tools.length === 0 ? {} : { tools: request.tools.map(toFunctionTool) }),
        ...(temperature === null ? {} : { temperature }),
        ...(maxTokens === null ? {} : { maxOutputTokens: maxTokens }),
      };
      try {
        const { stream } = await open(options, request);
        let length = 0;
        for await (const part of stream) {
          length += lengthOf(part);
          if (length > LONGEST_ANSWER) throw answerTooLong(choice, `${LONGEST_ANSWER} characters`);
          const known = toModelPart(part);
          if (known !== null) yield known;
        }
      } catch (error) {
        if (request.signal.aborted) throw request.signal.reason;
        throw explainFailure(error, choice);
      }
    },
  };
}

/** What a part adds to what is gathered here or in the SDK until the answer is whole. */
function lengthOf(part: LanguageModelV3StreamPart): number {
  switch (part.type) {
    case "text-delta":
    case "reasoning-delta":
    case "tool-input-delta":
      return part.delta.length;
    case "tool-call":
      return part.input.length;
    default:
      return 0;
  }
}

function toPrompt({ instructions, messages }: ModelRequest): LanguageModelV3Message[] {
  const system: LanguageModelV3Message[] = instructions === "" ? [] : [{ role: "system", content: instructions }];
  return [...system, ...messages.map(toPromptMessage)];
}

function toPromptMessage(message: ModelMessage): LanguageModelV3Message {
  switch (message.role) {
    case "user":
      return { role: "user", content: [{ type: "text", text: message.text }] };
    case "assistant":
      return {
        role: "assistant",
        content: [
          ...(message.text === "" ? [] : [{ type: "text" as const, text: message.text }]),
          ...message.toolCalls.map((call) => ({
            type: "tool-call" as const,
            toolCallId: call.callId,
            toolName: call.tool,
            input: toInput(call.arguments),
            ...(call.providerMetadata === undefined
              ? {}
              : { providerOptions: toProviderOptions(call.providerMetadata) }),
          })),
        ],
      };
    case "tool":
      return {
        role: "tool",
        content: message.results.map(({ callId, tool, ok, output }) => ({
          type: "tool-result" as const,
          toolCallId: callId,
          toolName: tool,
          output: { type: ok ? ("text" as const) : ("error-text" as const), value: output },
        })),
      };
  }
}

/** Services refuse a conversation whose calls have other arguments than an object, even the model's own bad ones. */
function toInput(given: Json): { [key: string]: Json } {
  return isJsonObject(given) ? given : { invalid: given };
}

function toProviderOptions(metadata: { [key: string]: Json }): Record<string, { [key: string]: Json }> {
  return Object.fromEntries(
    Object.entries(metadata).flatMap(([provider, value]) => (isJsonObject(value) ? [[provider, value]] : [])),
  );
}

function toFunctionTool({ name, description, parameters }: ToolOffer): LanguageModelV3FunctionTool {
  return { type: "function", name, description, inputSchema: parameters };
}

function toModelPart(part: LanguageModelV3StreamPart): ModelPart | null {
  switch (part.type) {
    case "text-delta":
      return { type: "text", text: part.delta };
    case "tool-call":
      return { type: "tool-call", call: toToolCall(part) };
    case "error":
      throw part.error;
    case "finish":
      return {
        type: "end",
        tokens: { input: part.usage.inputTokens.total ?? 0, output: part.usage.outputTokens.total ?? 0 },
        finishReason: part.finishReason.unified,
      };
    default:
      return null;
  }
}

function toToolCall({ toolCallId, toolName, input, providerMetadata }: LanguageModelV3ToolCall): ToolCallRequest {
  return {
    callId: toolCallId,
    tool: toolName,
    arguments: parseArguments(input),
    ...(providerMetadata === undefined
      ? {}
      : { providerMetadata: JSON.parse(JSON.stringify(providerMetadata)) as { [key: string]: Json } }),
  };
}

function parseArguments(text: string): Json {
  if (text.trim() === "") return {};
  try {
    const parsed = JSON.parse(text) as Json;
    return isJsonObject(parsed) ? parsed : text;
  } catch {
    return text; // Goes back to the model, which is told that this is not JSON.
  }
}

function isJsonObject(value: Json): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
