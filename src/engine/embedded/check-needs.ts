import { chooseModel } from "@stigmer/agent-runner/model-choice";
import { AppError } from "../../errors.ts";
import type { ModelDefaults } from "./kept-needs.ts";
import type { TaskNeeds } from "./task-needs.ts";
import { resolveVariables, type VariableSources } from "./variables.ts";

/**
 * Finds before anything is queued what a task would fail of.
 * @param what the subject of the sentence, such as "The agent"
 * @throws AppError USAGE naming a required variable, LLM_UNAVAILABLE naming the key's variable.
 */
export function checkNeeds(
  needs: TaskNeeds,
  { what, defaults, sources }: { what: string; defaults: ModelDefaults; sources: VariableSources },
): void {
  const { missing, missingKey } = resolveVariables(needs, defaults, sources);
  const [name] = missing;
  if (name !== undefined) {
    throw new AppError("USAGE", `${what} needs ${missing.join(" and ")}, which has no value`, {
      hint: `Give it with -e ${name}=…, or put a line ${name}=… into secrets.env of the home`,
    });
  }
  const { provider, name: model } = chooseModel(needs.model, defaults);
  if (missingKey !== null) {
    throw new AppError("LLM_UNAVAILABLE", `The key for ${provider} is missing: ${missingKey} has no value`, {
      hint: `Put a line ${missingKey}=… into secrets.env of the home`,
    });
  }
  if (model === null && provider !== "scripted") {
    throw new AppError("LLM_UNAVAILABLE", `Neither the definition nor the configuration names a model of ${provider}`, {
      detail: `${what} asks ${provider}`,
      hint: `Name one in the definition, or with: stigmer config set llm.model NAME`,
    });
  }
}
