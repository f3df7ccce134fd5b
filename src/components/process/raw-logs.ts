import { closeSync, type FSWatcher, fstatSync, openSync, readSync, watch, writeSync } from "node:fs";
import { formatProcessStart } from "@stigmer/agent-runner/log-format";
import { type RotationLimits, rotateWhenLarge } from "@stigmer/agent-runner/logging";

/** However fast a program prints, its log is looked at no more often. */
const LOOK_EVERY_MS = 1_000;

/**
 * The logs of programs that only print, which cannot rotate by themselves. Their lines never pass through this process: it
 * marks where a program began, and rotates what has become large whenever the system says that the file changed.
 */
export class RawLogs {
  readonly #warn: (message: string) => void;
  readonly #watchers = new Map<string, FSWatcher>();

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** A program begins to print into this file. */
  markStart(file: string, text: string): void {
    const fd = openSync(file, "a+", 0o600);
    try {
      // A program that was killed may have left half a line.
      writeSync(fd, `${endsInMidLine(fd) ? "\n" : ""}${formatProcessStart(text, Date.now())}`);
    } finally {
      closeSync(fd);
    }
  }

  /** From now on, for as long as this process lives. */
  keepSmall(file: string, limits: RotationLimits): void {
    this.#watchers.get(file)?.close();
    let isLookPlanned = false;
    const look = (): void => {
      isLookPlanned = false;
      try {
        rotateWhenLarge(file, limits);
      } catch (error) {
        // Most likely there is no space left for a copy: the next change tries again.
        this.#warn(`${file} could not be rotated: ${error instanceof Error ? error.message : String(error)}`);
      }
    };
    look();
    const watcher = watch(file, { persistent: false }, () => {
      if (isLookPlanned) return;
      isLookPlanned = true;
      setTimeout(look, LOOK_EVERY_MS).unref();
    });
    watcher.on("error", (error) => this.#warn(`${file} is not watched any more: ${error.message}`));
    this.#watchers.set(file, watcher);
  }
}

function endsInMidLine(fd: number): boolean {
  const { size } = fstatSync(fd);
  if (size === 0) return false;
  const last = Buffer.alloc(1);
  readSync(fd, last, 0, 1, size - 1);
  return last.toString() !== "\n";
}
