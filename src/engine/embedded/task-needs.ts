import { combineWishes } from "@stigmer/agent-runner/combine-models";
import { parseDurationMs } from "@stigmer/agent-runner/duration";
import type { ModelWish } from "@stigmer/agent-runner/model-choice";
import type { Json } from "@stigmer/agent-runner/protocol";
import * as v from "valibot";

/** What the engine has to know of an agent or of a workflow's node; the rest is the runner's. */
export interface TaskNeeds {
  model: ModelWish;
  tools: string[];
  variables: { name: string; secret: boolean; required: boolean }[];
}

const wish = v.object({
  provider: v.nullable(v.string()),
  name: v.nullable(v.string()),
  base_url: v.nullable(v.string()),
  api_key_env: v.nullable(v.string()),
});

const agent = v.object({
  spec: v.object({
    model: wish,
    tools: v.array(v.string()),
    limits: v.object({ timeout: v.nullable(v.string()) }),
    env: v.array(v.object({ name: v.string(), secret: v.boolean(), required: v.boolean() })),
  }),
});

const kept = v.object({
  workflow: v.object({
    nodes: v.array(
      v.object({
        id: v.string(),
        agent: v.nullable(v.string()),
        tools: v.array(v.object({ name: v.string() })),
        llm: v.nullable(wish),
      }),
    ),
    config: v.object({ llm: v.nullable(wish), execution: v.object({ timeout: v.number() }) }),
  }),
  agents: v.record(v.string(), v.unknown()),
});

/**
 * Reads a definition that `apply` validated and completed with its defaults; any other is a bug of ours.
 * `timeoutMs` is `limits.timeout`.
 */
export function readAgentNeeds(definition: Json): TaskNeeds & { timeoutMs: number | null } {
  const { spec } = v.parse(agent, definition);
  return {
    model: spec.model,
    tools: spec.tools,
    variables: spec.env,
    timeoutMs: spec.limits.timeout === null ? null : parseDurationMs(spec.limits.timeout),
  };
}

/** The same of a {@link KeptWorkflow}: what each of its nodes needs, by id. */
export function readWorkflowNeeds(definition: Json): { nodes: Map<string, TaskNeeds>; timeoutMs: number } {
  const { workflow, agents } = v.parse(kept, definition);
  const { llm, execution } = workflow.config;
  const nodes = workflow.nodes.map((node): [string, TaskNeeds] => {
    // Parsed from JSON, so it is nothing else.
    if (node.agent !== null) return [node.id, readAgentNeeds(agents[node.agent] as Json)];
    const model = combineWishes(node.llm, llm);
    return [node.id, { model, tools: node.tools.map(({ name }) => name), variables: [] }];
  });
  return { nodes: new Map(nodes), timeoutMs: execution.timeout * 1_000 };
}
