import type { Json } from "../protocol/messages.ts";
import type { State } from "./state-path.ts";

interface Written {
  value: Json;
  /** The run that wrote it; null: the input. */
  by: string | null;
}

/**
 * The state as one branch sees it: its own writes and those of the runs before it, none of the branches beside it. A
 * branch that others are joined to has what each of them wrote. Where two wrote the same field, a write that knew of the
 * other one stands, and of two that did not know of each other that of the later branch, in the order in which the fork
 * names them. So what a join gives does not depend on which branch was faster.
 */
export class BranchState {
  readonly #fields: Map<string, Written>;
  /** Every run whose writes this branch has seen. */
  readonly #seen: Set<string | null>;

  static begin(state: State): BranchState {
    const fields = Object.entries(state).map(([name, value]) => [name, { value, by: null }] as const);
    return new BranchState(new Map(fields), new Set([null]));
  }

  private constructor(fields: Map<string, Written>, seen: Set<string | null>) {
    this.#fields = fields;
    this.#seen = seen;
  }

  fork(): BranchState {
    return new BranchState(new Map(this.#fields), new Set(this.#seen));
  }

  /** @param run names one run of one node. */
  write(run: string, values: State): void {
    this.#seen.add(run);
    for (const [name, value] of Object.entries(values)) this.#fields.set(name, { value, by: run });
  }

  /** Takes in a branch that stands after this one. */
  join(later: BranchState): void {
    for (const [name, theirs] of later.#fields) {
      const ours = this.#fields.get(name);
      if (ours === undefined || !this.#seen.has(theirs.by)) this.#fields.set(name, theirs);
    }
    for (const run of later.#seen) this.#seen.add(run);
  }

  /** The values, in the order of `names`. */
  values(names: readonly string[]): { [field: string]: Json } {
    const entries = names.flatMap((name) => {
      const written = this.#fields.get(name);
      return written === undefined ? [] : [[name, written.value] as const];
    });
    return Object.fromEntries(entries);
  }
}
