import type { AgentTask } from "../protocol/messages.ts";

export const PROVIDERS = ["ollama", "anthropic", "openai", "google", "openai-compatible", "scripted"] as const;
export type Provider = (typeof PROVIDERS)[number];

/** These answer without a key unless one is asked for by `api_key_env`. */
const KEYLESS: readonly string[] = ["ollama", "openai-compatible", "scripted"];

/** Where Ollama listens when nothing else is said. */
const OLLAMA_URL = "http://127.0.0.1:11434/v1";

/** The part of a definition that says which model to ask; null is silence. */
export interface ModelWish {
  provider: string | null;
  name: string | null;
  base_url: string | null;
  api_key_env: string | null;
}

export interface ModelChoice {
  provider: string;
  /** Null when neither the definition nor the configuration names one. */
  name: string | null;
  /** With its version part; null for the provider's own service. */
  baseUrl: string | null;
  /** The variable that holds the key; null when the provider needs none. */
  keyVariable: string | null;
}

/**
 * Which model a definition and the `llm` section of the configuration mean together. What the configuration says holds
 * for its own provider only: another provider has other models, another address and another key (engine.md §7).
 */
export function chooseModel(wish: ModelWish, defaults: AgentTask["defaults"]): ModelChoice {
  const provider = wish.provider ?? defaults.provider;
  const silent = provider === defaults.provider ? defaults : { model: null, baseUrl: null, apiKeyEnv: null };
  const usualVariable = KEYLESS.includes(provider) ? null : `${provider.toUpperCase().replaceAll("-", "_")}_API_KEY`;
  return {
    provider,
    name: wish.name ?? silent.model,
    baseUrl: wish.base_url ?? silent.baseUrl ?? (provider === "ollama" ? OLLAMA_URL : null),
    keyVariable: wish.api_key_env ?? silent.apiKeyEnv ?? usualVariable,
  };
}
