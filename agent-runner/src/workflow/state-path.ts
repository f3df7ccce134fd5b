import type { StatePath } from "../definitions/workflow-definition.ts";
import type { Json } from "../protocol/messages.ts";

/** The values of a running workflow by field. A field that nothing has set yet is not there. */
export type State = Readonly<Record<string, Json>>;

/** Names of fields and locals, as a pattern of the flag `u`: what a placeholder and a route can spell. */
const NAME_SOURCE = String.raw`[\p{L}_][\p{L}\p{N}_]*`;
export const PATH_SOURCE = `${NAME_SOURCE}(?:\\.${NAME_SOURCE})*`;

const NAME = new RegExp(`^${NAME_SOURCE}$`, "u");
const PATH = new RegExp(`^${PATH_SOURCE}$`, "u");

/** Whether a placeholder and a route can spell this name of a field or local. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

export interface WrittenPath {
  /** Without the word `state`. */
  path: StatePath;
  /** Written as `state.…`: a state field, even where a local has its name. */
  ofState: boolean;
}

/** Reads `state.a.b` and `a.b`, both as the path `["a", "b"]`; null for anything else. */
export function parsePath(text: string): WrittenPath | null {
  if (!PATH.test(text)) return null;
  const parts = text.split(".");
  // A field that is itself called `state` is reached as `state` alone, and as `state.state.x` below that.
  const ofState = parts.length > 1 && parts[0] === "state";
  return { path: ofState ? parts.slice(1) : parts, ofState };
}

/** What stands at `path`; undefined where nothing does, and below anything that is no map. */
export function readPath(values: State, path: readonly string[]): Json | undefined {
  let value: Json | undefined = values;
  for (const part of path) {
    if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, part)) {
      return undefined;
    }
    value = value[part];
  }
  return value;
}
