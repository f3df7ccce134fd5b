import { Dice } from "./dice.ts";
import type { Size } from "./row.ts";

export interface Failure {
  /** Repeats this trial alone, with `--runs 1`. */
  seed: number;
  what: string;
  problems: string[];
}

export interface BenchOptions {
  size: Size;
  runs: number;
  seed: number;
  /** A line for whoever watches. */
  say: (line: string) => void;
}

/** What one trial may do besides its work. */
export interface Trial {
  seed: number;
  dice: Dice;
  /** Each sentence is something that must not be. */
  blame(problems: string | readonly string[]): void;
  /** Counts what was seen, for the table. */
  saw(what: string, times?: number): void;
  /** Measures a command that has to deal with the fault; the worst of a row is published. */
  timed<T>(what: string, work: Promise<T>): Promise<T>;
}

/** Runs the trials of one row and keeps the books. */
export class Bench {
  readonly size: Size;
  readonly runs: number;
  readonly seed: number;
  readonly failures: Failure[] = [];
  readonly seen = new Map<string, number>();
  worst: { what: string; ms: number } | null = null;
  /** Faults that really happened. */
  happened = 0;
  readonly #say: (line: string) => void;
  #trials = 0;

  constructor({ size, runs, seed, say }: BenchOptions) {
    this.size = size;
    this.runs = runs;
    this.seed = seed;
    this.#say = say;
  }

  /** One trial with dice of its own; `faults` is how many of the row's runs it is. Whatever goes wrong in it is kept. */
  async trial(what: string, work: (trial: Trial) => Promise<void>, faults = 1): Promise<void> {
    const seed = this.seed + this.#trials;
    this.#trials += 1;
    const problems: string[] = [];
    const trial: Trial = {
      seed,
      dice: new Dice(seed),
      blame: (found) => problems.push(...(typeof found === "string" ? [found] : found)),
      saw: (thing, times = 1) => void this.seen.set(thing, (this.seen.get(thing) ?? 0) + times),
      timed: (name, promise) => this.#timed(name, promise),
    };
    try {
      await work(trial);
    } catch (error) {
      problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    this.happened += faults;
    if (problems.length > 0) this.failures.push({ seed, what, problems });
    const verdict = problems.length === 0 ? "ok" : `FAILED\n  ${problems.join("\n  ")}`;
    this.#say(`seed ${seed}: ${what}: ${verdict}`);
  }

  /** `runs` trials of the same kind. */
  async repeat(what: string, work: (trial: Trial) => Promise<void>): Promise<void> {
    for (let run = 0; run < this.runs; run += 1) await this.trial(what, work);
  }

  async #timed<T>(what: string, work: Promise<T>): Promise<T> {
    const startedMs = performance.now();
    try {
      return await work;
    } finally {
      const ms = performance.now() - startedMs;
      if (this.worst === null || ms > this.worst.ms) this.worst = { what, ms };
    }
  }
}
