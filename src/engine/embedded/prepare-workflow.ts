import type { Json } from "@stigmer/agent-runner/protocol";
import type { WorkflowDefinition } from "@stigmer/agent-runner/workflow-definition";
import { parseInputs } from "@stigmer/agent-runner/workflow-inputs";
import { AppError } from "../../errors.ts";
import type { Definitions } from "../../store/definitions.ts";
import { unknownName } from "./unknown-name.ts";

/** The texts of `-i` as values of the state's fields. @throws AppError USAGE naming every field that is wrong. */
export function readInput(definition: Json, texts: { [field: string]: string }): { [field: string]: Json } {
  const { fields } = asWorkflow(definition).state;
  const { values, mistakes } = parseInputs(fields, texts);
  const [first, ...others] = mistakes;
  if (first === undefined) return values;
  const sentence = (mistake: typeof first): string =>
    mistake.suggestion === null ? mistake.message : `${mistake.message} (did you mean ${mistake.suggestion}?)`;
  throw new AppError("USAGE", capitalised(sentence(first)), {
    detail: others.length === 0 ? null : others.map(sentence).join("\n"),
    hint: "Give each input as -i FIELD=VALUE; lists, dicts and objects as JSON",
  });
}

/**
 * Stores a workflow together with the agents that its nodes name, for an execution to keep whatever is applied or
 * deleted while it runs; returns the digest.
 * @throws AppError NOT_FOUND for an agent that was deleted since the workflow was applied.
 */
export function keepWorkflow(definition: Json, definitions: Definitions): string {
  const names = asWorkflow(definition).nodes.flatMap(({ agent }) => (agent === null ? [] : [agent]));
  const agents = names.map((name): [string, Json] => {
    const found = definitions.find("Agent", name);
    if (found === null) throw unknownName("agent", name, definitions.names("Agent"));
    return [name, found.definition];
  });
  return definitions.keep({ workflow: definition, agents: Object.fromEntries(agents) });
}

/** `apply` validated it. */
function asWorkflow(definition: Json): WorkflowDefinition {
  return definition as unknown as WorkflowDefinition;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
