import { chooseModel } from "@stigmer/agent-runner/model-choice";
import type { AgentTask } from "@stigmer/agent-runner/protocol";
import type { TaskNeeds } from "./task-needs.ts";

export type Variables = { [name: string]: string };

/** Where values come from; the first that has a name wins. */
export interface VariableSources {
  /** From `-e`. */
  given: Variables;
  /** From `secrets.env`. */
  secrets: Variables;
  /** The server's own environment. */
  server: NodeJS.ProcessEnv;
}

export interface TaskVariables {
  /** For shell and tools: what `-e` gave, and what the definition names. */
  environment: Variables;
  /** For the runner alone: the key of the task's own provider, and of the tools it has. */
  keys: Variables;
  /** Values to mask wherever something is written. */
  secrets: string[];
  /** Required by the definition and found nowhere. */
  missing: string[];
  /** The variable of the model's key when it is found nowhere. */
  missingKey: string | null;
}

/** Tools that ask a service of their own. */
const TOOL_KEYS: Readonly<Record<string, string>> = { web_search: "SERPER_API_KEY" };

export function resolveVariables(
  needs: TaskNeeds,
  defaults: AgentTask["defaults"],
  sources: VariableSources,
): TaskVariables {
  const resolved: TaskVariables = {
    environment: { ...sources.given },
    keys: {},
    secrets: [],
    missing: [],
    missingKey: null,
  };
  for (const { name, secret, required } of needs.variables) {
    const value = find(name, sources);
    if (value === null) {
      if (required) resolved.missing.push(name);
      continue;
    }
    resolved.environment[name] = value;
    // What lies in secrets.env is a secret whatever the definition calls it.
    if (secret || value === own(sources.secrets, name)) resolved.secrets.push(value);
  }
  const { keyVariable } = chooseModel(needs.model, defaults);
  for (const variable of [keyVariable, ...needs.tools.map((tool) => own(TOOL_KEYS, tool))]) {
    if (variable === null) continue;
    const value = find(variable, sources);
    if (value !== null) {
      resolved.keys[variable] = value;
      resolved.secrets.push(value);
    } else if (variable === keyVariable) resolved.missingKey = variable;
  }
  return resolved;
}

/** An empty value is as good as none: `KEY=` in a file is a place to fill in. */
function find(name: string, { given, secrets, server }: VariableSources): string | null {
  return own(given, name) || own(secrets, name) || own(server, name) || null;
}

/** Not what every object inherits: a variable may be called `constructor`. */
function own(values: Readonly<Record<string, string | undefined>>, name: string): string | null {
  return Object.hasOwn(values, name) ? (values[name] ?? null) : null;
}
