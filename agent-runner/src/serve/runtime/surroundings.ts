import type { NodeSurroundings } from "../jobs/interpreter.ts";
import type { Values } from "../settings.ts";
import type { NodeNeeds } from "./node-needs.ts";

type Resolved = Omit<NodeSurroundings, "defaults"> & {
  /** Needed, and found nowhere. */
  missing: string[];
};

/** The values of what a node needs, from the settings of the server; it gets no others. */
export function resolveNeeds({ modelKey, toolKeys, variables }: NodeNeeds, values: Values): Resolved {
  const resolved: Resolved = { environment: {}, keys: {}, secrets: [], missing: [] };
  for (const { name, secret, required } of variables) {
    const value = own(values, name);
    if (value === null) {
      if (required) resolved.missing.push(name);
      continue;
    }
    resolved.environment[name] = value;
    if (secret) resolved.secrets.push(value);
  }
  for (const name of [...(modelKey === null ? [] : [modelKey]), ...toolKeys]) {
    const value = own(values, name);
    if (value === null) resolved.missing.push(name);
    else {
      resolved.keys[name] = value;
      resolved.secrets.push(value);
    }
  }
  return resolved;
}

/** Not what every object inherits: a variable may be called `constructor`. */
function own(values: Values, name: string): string | null {
  return Object.hasOwn(values, name) ? (values[name] ?? null) : null;
}
