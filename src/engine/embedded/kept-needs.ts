import { chooseModel } from "@stigmer/agent-runner/model-choice";
import type { AgentTask } from "@stigmer/agent-runner/protocol";
import type { Definitions } from "../../store/definitions.ts";
import type { ExecutionRecord } from "../../store/executions.ts";
import { type DefinitionNeeds, readNeeds } from "./task-needs.ts";

export type ModelDefaults = AgentTask["defaults"];

/** What an execution refers to for as long as it lives. */
export type Kept = Pick<ExecutionRecord, "kind" | "digest" | "defaults">;

/** The many executions of few definitions share what was read of them. */
const MOST_KNOWN = 100;

/** What executions need, read once of each definition that they keep. */
export class KeptNeeds {
  readonly #definitions: Pick<Definitions, "body">;
  readonly #known = new Map<string, DefinitionNeeds>();

  constructor(definitions: Pick<Definitions, "body">) {
    this.#definitions = definitions;
  }

  of({ kind, digest }: Pick<Kept, "kind" | "digest">): DefinitionNeeds {
    const known = this.#known.get(digest);
    if (known !== undefined) return known;
    const needs = readNeeds(kind, this.#definitions.body(digest));
    const [oldest] = this.#known.keys();
    if (oldest !== undefined && this.#known.size >= MOST_KNOWN) this.#known.delete(oldest);
    this.#known.set(digest, needs);
    return needs;
  }

  /** The models that its tasks ask, each once. */
  modelsOf(kept: Kept): { provider: string; model: string | null }[] {
    const models = new Map<string, { provider: string; model: string | null }>();
    for (const needs of this.of(kept).tasks.values()) {
      const { provider, name } = chooseModel(needs.model, defaultsOf(kept));
      models.set(`${provider} ${name}`, { provider, model: name });
    }
    return [...models.values()];
  }
}

/** The `llm` of the configuration that the execution began with. */
export function defaultsOf({ defaults }: Pick<Kept, "defaults">): ModelDefaults {
  return defaults as unknown as ModelDefaults;
}
