import type { Output } from "../../context.ts";

/** Words as they come, on one stream: whole lines of others begin on a line of their own. */
export class LiveText {
  readonly #output: Pick<Output, "write">;
  #endsWithNewline = true;

  constructor(output: Pick<Output, "write">) {
    this.#output = output;
  }

  write(text: string): void {
    if (text === "") return;
    this.#output.write(text);
    this.#endsWithNewline = text.endsWith("\n");
  }

  endLine(): void {
    if (!this.#endsWithNewline) this.write("\n");
  }
}
