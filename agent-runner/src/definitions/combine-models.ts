import type { ModelWish } from "./model-choice.ts";
import type { WorkflowModel } from "./workflow-definition.ts";

/**
 * The model of a node: its own `llm` wins key by key over `config.llm`, whose name, address, key and script hold for its
 * own provider only. What neither says is left to the configuration.
 */
export function combineModels(own: WorkflowModel | null, shared: WorkflowModel | null): WorkflowModel {
  const wish = combineWishes(own, shared);
  const common = ofProvider(wish.provider, shared);
  return {
    ...wish,
    temperature: own?.temperature ?? shared?.temperature ?? null,
    max_tokens: own?.max_tokens ?? shared?.max_tokens ?? null,
    script: own?.script ?? common?.script ?? null,
    // No delay is silence too.
    delay_ms: own?.delay_ms || common?.delay_ms || 0,
  };
}

/** The part of it that says which model to ask. */
export function combineWishes(own: ModelWish | null, shared: ModelWish | null): ModelWish {
  const provider = own?.provider ?? shared?.provider ?? null;
  const common = ofProvider(provider, shared);
  return {
    provider,
    name: own?.name ?? common?.name ?? null,
    base_url: own?.base_url ?? common?.base_url ?? null,
    api_key_env: own?.api_key_env ?? common?.api_key_env ?? null,
  };
}

function ofProvider<Model extends ModelWish>(provider: string | null, shared: Model | null): Model | null {
  return shared?.provider === provider ? shared : null;
}
