import type { StackStatus } from "../stack/component.ts";

/** Tells any number of watchers when the status changed; a slow one misses steps in between, never the last. */
export class StatusFeed {
  readonly #snapshot: () => StackStatus;
  readonly #watchers = new Set<() => void>();

  constructor(snapshot: () => StackStatus) {
    this.#snapshot = snapshot;
  }

  notify(): void {
    for (const wake of this.#watchers) wake();
  }

  async *watch(signal: AbortSignal): AsyncIterable<StackStatus> {
    let wake: () => void = () => {};
    let changed = true;
    const onChange = (): void => {
      changed = true;
      wake();
    };
    this.#watchers.add(onChange);
    signal.addEventListener("abort", onChange);
    try {
      let last = "";
      while (!signal.aborted) {
        if (!changed) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        changed = false;
        const status = this.#snapshot();
        const text = JSON.stringify(status);
        if (text === last) continue;
        last = text;
        yield status;
      }
    } finally {
      this.#watchers.delete(onChange);
      signal.removeEventListener("abort", onChange);
    }
  }
}
