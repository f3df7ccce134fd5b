import type { LanguageModelV3 } from "@ai-sdk/provider";
import type { AgentDefinition } from "../definitions/agent-schema.ts";
import { chooseModel, type ModelChoice, type ModelWish } from "../definitions/model-choice.ts";
import type { AgentTask } from "../protocol/messages.ts";
import { boundedFetch } from "./bounded-fetch.ts";
import { answerTooLong } from "./explain-failure.ts";
import { ModelFailure } from "./failure.ts";
import type { Model } from "./model.ts";
import { reachableUrl } from "./reachable-url.ts";
import { createScriptedModel } from "./scripted.ts";
import { createSdkModel } from "./sdk-model.ts";

/** Of an agent, or of a node of a workflow. */
export type ModelSpec = Omit<AgentDefinition["spec"]["model"], "provider"> & Pick<ModelWish, "provider">;

/**
 * The model that a definition and the configuration's defaults mean. A provider's package is loaded when it is asked
 * for: each takes a tenth of a second and megabytes that the others do not need.
 * @throws ModelFailure when a model's name, its key or an address is missing.
 */
export async function createModel(
  spec: ModelSpec,
  task: Pick<AgentTask, "defaults" | "keys">,
  loopbackHost: string | null,
): Promise<Model> {
  const choice = chooseModel(spec, task.defaults);
  if (choice.provider === "scripted") {
    if (spec.script === null) throw unavailable("the provider scripted needs model.script in the definition");
    return createScriptedModel(spec.script, spec.delay_ms);
  }
  if (choice.name === null) {
    throw unavailable(`no model is named for ${choice.provider}: set model.name in the definition`);
  }
  const apiKey = requireKey(choice, task.keys);
  const baseUrl = choice.baseUrl === null ? null : reachableUrl(choice.baseUrl, loopbackHost);
  return createSdkModel({
    model: await loadLanguageModel({ choice, name: choice.name, baseUrl, apiKey }),
    choice,
    temperature: spec.temperature,
    maxTokens: spec.max_tokens,
  });
}

function requireKey({ provider, keyVariable }: ModelChoice, keys: AgentTask["keys"]): string | null {
  if (keyVariable === null) return null;
  const key = keys[keyVariable];
  if (key !== undefined && key !== "") return key;
  throw unavailable(
    `${provider} needs a key and ${keyVariable} is not set: add the line ${keyVariable}=… to secrets.env in the home of stigmer`,
  );
}

interface LanguageModelOptions {
  choice: ModelChoice;
  name: string;
  baseUrl: string | null;
  apiKey: string | null;
}

async function loadLanguageModel({ choice, name, baseUrl, apiKey }: LanguageModelOptions): Promise<LanguageModelV3> {
  const { provider } = choice;
  const settings = {
    fetch: boundedFetch((bytes) => answerTooLong(choice, `${bytes} bytes`)),
    ...(apiKey === null ? {} : { apiKey }),
    ...(baseUrl === null ? {} : { baseURL: baseUrl }),
  };
  switch (provider) {
    case "anthropic": {
      const { createAnthropic } = await import("@ai-sdk/anthropic");
      return createAnthropic(settings).languageModel(name);
    }
    case "openai": {
      const { createOpenAI } = await import("@ai-sdk/openai");
      return createOpenAI(settings).chat(name);
    }
    case "google": {
      const { createGoogleGenerativeAI } = await import("@ai-sdk/google");
      return createGoogleGenerativeAI(settings).languageModel(name);
    }
    case "ollama":
    case "openai-compatible": {
      if (baseUrl === null) throw unavailable(`${provider} needs an address: set model.base_url in the definition`);
      const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
      return createOpenAICompatible({
        ...settings,
        baseURL: baseUrl,
        name: provider,
        includeUsage: true,
        supportsStructuredOutputs: true,
      }).chatModel(name);
    }
    default:
      throw unavailable(`the model provider "${provider}" is unknown`);
  }
}

function unavailable(message: string): ModelFailure {
  return new ModelFailure(message, { code: "LLM_UNAVAILABLE", repeatable: false });
}
