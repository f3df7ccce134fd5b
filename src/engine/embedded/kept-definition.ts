import { chooseModel } from "@stigmer/agent-runner/model-choice";
import type { AgentTask } from "@stigmer/agent-runner/protocol";
import type { ExecutionRecord } from "../../store/executions.ts";
import type { Store } from "../../store/open.ts";
import { readAgentNeeds, readWorkflowNeeds, type TaskNeeds } from "./task-needs.ts";

export type ModelDefaults = AgentTask["defaults"];

type Kept = Pick<ExecutionRecord, "kind" | "digest" | "defaults">;

/** The `llm` of the configuration that the execution began with. */
export function defaultsOf({ defaults }: Pick<Kept, "defaults">): ModelDefaults {
  return defaults as unknown as ModelDefaults;
}

/** What the tasks of an execution need: of an agent its one, of a workflow one for each node. */
export function readAllNeeds({ kind, digest }: Kept, definitions: Store["definitions"]): TaskNeeds[] {
  const definition = definitions.body(digest);
  return kind === "agent" ? [readAgentNeeds(definition)] : [...readWorkflowNeeds(definition).nodes.values()];
}

/** The models that a workflow asks, each once. */
export function readModels(
  kept: Kept,
  definitions: Store["definitions"],
): { provider: string; model: string | null }[] {
  const models = readAllNeeds(kept, definitions).map(({ model }) => chooseModel(model, defaultsOf(kept)));
  const byText = new Map(
    models.map(({ provider, name }) => [`${provider} ${name}`, { provider, model: name }] as const),
  );
  return [...byText.values()];
}
