import type { Socket } from "node:net";

/** What a terminal's driver takes for the end of the input, at the beginning of a line. */
const END_OF_TRANSMISSION = "\u0004";
const NEWLINE = 0x0a;

/** The input of a command that runs on a connection of its own. */
export class CommandInput {
  readonly #connection: Socket;
  readonly #tty: boolean;
  #isEnded = false;
  #isInLine = false;

  constructor(connection: Socket, { tty }: { tty: boolean }) {
    this.#connection = connection;
    this.#tty = tty;
  }

  /** What comes after the end is nobody's. */
  add(bytes: Buffer): void {
    if (this.#isEnded || bytes.length === 0 || !this.#connection.writable) return;
    this.#isInLine = bytes.at(-1) !== NEWLINE;
    this.#connection.write(bytes);
  }

  /** Resolves when no more than so many bytes wait for the command, or nobody waits for them any more. */
  async untilBelow(waitingBytes: number): Promise<void> {
    if (this.#connection.writableLength <= waitingBytes || !this.#connection.writable) return;
    await new Promise<void>((resolve) => {
      const settle = () => {
        this.#connection.off("drain", settle).off("close", settle);
        resolve();
      };
      this.#connection.on("drain", settle).on("close", settle);
    });
  }

  /**
   * Closes the input and nothing else. On a terminal the engine would close the output too, so that its driver is told
   * instead, twice in the middle of a line.
   */
  end(): void {
    if (this.#isEnded || !this.#connection.writable) return;
    this.#isEnded = true;
    if (this.#tty) this.#connection.write(this.#isInLine ? END_OF_TRANSMISSION.repeat(2) : END_OF_TRANSMISSION);
    else this.#connection.end();
  }
}
