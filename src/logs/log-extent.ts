import type { GenerationSize, Position } from "./generation-reader.ts";

/** The bytes of all generations at one moment as one range, `0` to `totalBytes`. */
export class LogExtent {
  readonly totalBytes: number;
  readonly #generations: GenerationSize[];

  constructor(generations: GenerationSize[]) {
    this.#generations = generations;
    this.totalBytes = generations.reduce((sum, { size }) => sum + size, 0);
  }

  /** Where the byte at `offset` stands; the end of everything stands in the live generation. */
  at(offset: number): Position {
    let rest = offset;
    let last: Position = { generation: 1, offset: 0 };
    for (const { generation, size } of this.#generations) {
      if (rest < size) return { generation, offset: rest };
      last = { generation, offset: rest };
      rest -= size;
    }
    return last;
  }
}
