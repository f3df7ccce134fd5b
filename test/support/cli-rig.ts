import { Readable } from "node:stream";
import type { WatchedOutput } from "../../src/cli/output.ts";
import { createInterrupts, type Interrupts } from "../../src/cli/signals.ts";

/** An output that keeps what was written. */
export class RecordedOutput implements WatchedOutput {
  text = "";
  isTTY = false;
  columns = 80;
  closed = false;

  get written(): boolean {
    return this.text !== "";
  }

  write(text: string | Uint8Array): boolean {
    this.text += typeof text === "string" ? text : Buffer.from(text).toString();
    return true;
  }

  async drained(): Promise<void> {}
}

export interface CliRig {
  stdout: RecordedOutput;
  stderr: RecordedOutput;
  clock: { ms: number };
  interrupts: Interrupts;
  stdin: NodeJS.ReadableStream;
}

export function cliRig(): CliRig {
  const clock = { ms: 0 };
  return {
    stdout: new RecordedOutput(),
    stderr: new RecordedOutput(),
    clock,
    interrupts: createInterrupts({ nowMs: () => clock.ms }),
    stdin: Readable.from([]),
  };
}
