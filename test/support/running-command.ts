import type { ChildProcess } from "node:child_process";
import { exitCodeOf } from "./stack-rig.ts";

/** Generous: a machine that runs other tests may be slow to start a process. */
const WAIT_LIMIT_MS = 60_000;

/** A command that was started and is still to end: what it printed so far, and waits for what it will print. */
export class RunningCommand {
  stdout = "";
  stderr = "";
  readonly ended: Promise<number>;
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();
  #hasEnded = false;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdin?.end();
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      this.#notify();
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.#notify();
    });
    this.ended = exitCodeOf(child, child.spawnargs.join(" "));
    const noteEnd = (): void => {
      this.#hasEnded = true;
      this.#notify();
    };
    this.ended.then(noteEnd, noteEnd);
  }

  /** The whole lines on stdout. */
  get lines(): string[] {
    return this.stdout.split("\n").slice(0, -1);
  }

  /** Each whole line on stdout as JSON. */
  records<T>(): T[] {
    return this.lines.map((line) => JSON.parse(line) as T);
  }

  /** Resolves as soon as what was printed satisfies. @throws when the command ends before, or after a minute. */
  async until(what: string, holds: (command: this) => boolean): Promise<void> {
    if (holds(this)) return;
    await new Promise<void>((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        this.#watchers.delete(check);
        settle();
      };
      const fail = (why: string): void =>
        finish(() => reject(new Error(`${why} ${what}\nstdout: ${this.stdout}\nstderr: ${this.stderr}`)));
      const check = (): void => {
        if (holds(this)) finish(resolve);
        else if (this.#hasEnded) fail("the command ended before");
      };
      const timer = setTimeout(() => fail(`waited ${WAIT_LIMIT_MS} ms for`), WAIT_LIMIT_MS);
      this.#watchers.add(check);
    });
  }

  /** Ctrl-C. Resolves with the exit code. */
  async interrupt(): Promise<number> {
    this.#child.kill("SIGINT");
    return this.ended;
  }

  #notify(): void {
    for (const check of [...this.#watchers]) check();
  }
}
