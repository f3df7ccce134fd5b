import type { WorkflowModel } from "./workflow-definition.ts";

/**
 * The model of a node: its own `llm` wins key by key over `config.llm`, whose name, address, key and script hold for its
 * own provider only. What neither says is left to the configuration.
 */
export function combineModels(own: WorkflowModel | null, shared: WorkflowModel | null): WorkflowModel {
  const provider = own?.provider ?? shared?.provider ?? null;
  const common = shared?.provider === provider ? shared : null;
  const scripted = own?.script == null ? common : own;
  return {
    provider,
    name: own?.name ?? common?.name ?? null,
    base_url: own?.base_url ?? common?.base_url ?? null,
    api_key_env: own?.api_key_env ?? common?.api_key_env ?? null,
    temperature: own?.temperature ?? shared?.temperature ?? null,
    max_tokens: own?.max_tokens ?? shared?.max_tokens ?? null,
    script: scripted?.script ?? null,
    delay_ms: scripted?.delay_ms ?? 0,
  };
}
