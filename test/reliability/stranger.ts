import { type ChildProcess, spawn } from "node:child_process";
import { entryOf, startTimeOf } from "./process-list.ts";

/** A process that has nothing to do with any stack, and must outlive whatever is tried. */
export class Stranger implements Disposable {
  readonly pid: number;
  readonly startTime: number;
  readonly #child: ChildProcess;

  constructor() {
    this.#child = spawn("sleep", ["3600"], { stdio: "ignore", detached: true });
    this.pid = this.#child.pid ?? 0;
    this.startTime = startTimeOf(this.pid) ?? 0;
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null && entryOf(this.pid) !== null;
  }

  /** What a PID file says of a process. */
  record(facts: { instance: string; bootId: string; startTime?: number }): string {
    const record = { startTime: this.startTime, executable: "sleep", version: "0.1.0", ...facts };
    return `${this.pid}\n${JSON.stringify(record)}\n`;
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}
