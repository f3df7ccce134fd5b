import { parseDurationMs } from "@stigmer/agent-runner/duration";
import type { ModelWish } from "@stigmer/agent-runner/model-choice";
import type { Json } from "@stigmer/agent-runner/protocol";
import * as v from "valibot";

/** What the engine has to know of an agent's definition; the rest is the runner's. */
export interface AgentNeeds {
  model: ModelWish;
  tools: string[];
  variables: { name: string; secret: boolean; required: boolean }[];
  /** `limits.timeout`. */
  timeoutMs: number | null;
}

const needs = v.object({
  spec: v.object({
    model: v.object({
      provider: v.nullable(v.string()),
      name: v.nullable(v.string()),
      base_url: v.nullable(v.string()),
      api_key_env: v.nullable(v.string()),
    }),
    tools: v.array(v.string()),
    limits: v.object({ timeout: v.nullable(v.string()) }),
    env: v.array(v.object({ name: v.string(), secret: v.boolean(), required: v.boolean() })),
  }),
});

/** Reads a definition that `apply` validated and completed with its defaults; any other is a bug of ours. */
export function readAgentNeeds(definition: Json): AgentNeeds {
  const { spec } = v.parse(needs, definition);
  return {
    model: spec.model,
    tools: spec.tools,
    variables: spec.env,
    timeoutMs: spec.limits.timeout === null ? null : parseDurationMs(spec.limits.timeout),
  };
}
