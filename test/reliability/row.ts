import type { Bench } from "./bench.ts";

export type Size = "small" | "full";

/** One row of the fault matrix. */
export interface Row {
  /** As `--row` has it. */
  name: string;
  /** What is done to the stack. */
  fault: string;
  /** What must hold nevertheless. */
  holds: string;
  /** How often the fault happens; a row may run more than one trial for one of them. */
  runs: Record<Size, number>;
  /** Why it cannot run on this machine; null when it can. */
  obstacle?: () => string | null;
  run(bench: Bench): Promise<void>;
}
