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

/** What the tasks of a definition need, and its own time limit. */
export interface DefinitionNeeds {
  /** Of a workflow by node; an agent has the one task {@link OWN_TASK}. */
  tasks: ReadonlyMap<string, TaskNeeds>;
  timeoutMs: number | null;
}

/** No node has this name. */
export const OWN_TASK = "";

/** Reads an agent or a {@link KeptWorkflow} that `apply` validated and completed; any other is a bug of ours. */
export function readNeeds(kind: "agent" | "workflow", definition: Json): DefinitionNeeds {
  if (kind === "workflow") return readWorkflow(definition);
  const { spec } = v.parse(agent, definition);
  const { timeout } = spec.limits;
  return {
    tasks: new Map([[OWN_TASK, needsOf(spec)]]),
    timeoutMs: timeout === null ? null : parseDurationMs(timeout),
  };
}

function readWorkflow(definition: Json): DefinitionNeeds {
  const { workflow, agents } = v.parse(kept, definition);
  const { llm, execution } = workflow.config;
  const tasks = workflow.nodes.map((node): [string, TaskNeeds] => {
    if (node.agent !== null) return [node.id, needsOf(v.parse(agent, agents[node.agent]).spec)];
    const model = combineWishes(node.llm, llm);
    return [node.id, { model, tools: node.tools.map(({ name }) => name), variables: [] }];
  });
  return { tasks: new Map(tasks), timeoutMs: execution.timeout * 1_000 };
}

function needsOf({ model, tools, env }: v.InferOutput<typeof agent>["spec"]): TaskNeeds {
  return { model, tools, variables: env };
}
