/** What a run has made, so that its failure takes back that and nothing else, last first. */
export class Undo {
  readonly #steps: { what: string; run: () => Promise<unknown> }[] = [];

  /** `what` names it, should it not go away: "the network". */
  push(what: string, run: () => Promise<unknown>): void {
    this.#steps.push({ what, run });
  }

  /** Goes on whatever fails, and tells what is left: the error that led here is the one to throw. */
  async run(tell: (line: string) => void): Promise<void> {
    for (const { run, what } of this.#steps.reverse()) {
      try {
        await run();
      } catch (error) {
        tell(`Could not undo ${what}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    this.#steps.length = 0;
  }
}
