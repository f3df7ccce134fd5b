import { type FSWatcher, watch } from "node:fs";

/** Wakes one reader when something may have changed. */
export interface Waker {
  /** Resolves at the first change since the last call, at the tick, or when the signal aborts. */
  wait(): Promise<void>;
}

/** How late a line may be when a notification was lost. */
const SAFETY_TICK_MS = 500;

/**
 * Watches a folder for any number of readers. Notifications can be lost (an inotify queue overflows while we are
 * stopped, a network file system sends none, the folder does not exist yet), so a tick wakes them as well.
 */
export function watchFolder(folder: string, signal: AbortSignal): { subscribe(): Waker } {
  const listeners = new Set<() => void>();
  let watcher: FSWatcher | null = null;
  const notify = () => {
    for (const listener of listeners) listener();
  };
  const observe = () => {
    if (watcher !== null || signal.aborted) return;
    try {
      watcher = watch(folder, { persistent: false }, notify);
      // The folder was removed, or the system ran out of watches: the tick goes on, and tries again.
      watcher.on("error", () => {
        watcher?.close();
        watcher = null;
      });
    } catch {
      watcher = null; // Not there yet.
    }
  };
  observe();
  signal.addEventListener("abort", () => {
    watcher?.close();
    notify();
  });

  return {
    subscribe() {
      let changed = false;
      let wake = () => {};
      listeners.add(() => {
        changed = true;
        wake();
      });
      return {
        async wait() {
          if (!changed && !signal.aborted) {
            await new Promise<void>((resolve) => {
              const timer = setTimeout(resolve, SAFETY_TICK_MS);
              wake = () => {
                clearTimeout(timer);
                resolve();
              };
            });
          }
          changed = false;
          observe();
        },
      };
    },
  };
}
