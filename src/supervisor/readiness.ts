import { describeExit } from "../components/exit-reason.ts";
import type { ComponentInstance } from "../components/instance.ts";
import type { RunnerHello, RunnerRegistry } from "../engine/engine.ts";
import { AppError } from "../errors.ts";
import { type Clock, systemClock } from "../platform/clock.ts";
import type { ComponentName } from "../stack/component.ts";

export interface ReadinessWait {
  component: ComponentName;
  instance: ComponentInstance;
  registry: RunnerRegistry;
  timeoutMs: number;
  /** What the error of a wait in vain names: the whole start's limit, of which other things took a part. */
  limitMs: number;
  signal: AbortSignal;
  clock?: Clock;
}

/** Ended before it was ready; `tail` of its log is for the caller to add. */
export class ExitedBeforeReady extends Error {
  override readonly name = "ExitedBeforeReady";
  readonly reason: string;
  constructor(component: ComponentName, reason: string) {
    super(`${component} ended before it was ready: ${reason}`);
    this.reason = reason;
  }
}

/**
 * Resolves with the runner's greeting at its first poll (null when it polled before): the runner itself says that it works, nobody asks it.
 * @throws ExitedBeforeReady, AppError START_TIMEOUT or what keeps the server from taking the runner in, or the signal's reason.
 */
export function awaitPolling(wait: ReadinessWait): Promise<RunnerHello | null> {
  const { component, instance, registry, timeoutMs, signal } = wait;
  const clock = wait.clock ?? systemClock;
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    if (instance.runnerId !== null && registry.isPolling(instance.runnerId)) {
      resolve(null);
      return;
    }
    const onAbort = (): void => finish(() => reject(signal.reason));
    const unsubscribe = registry.onPolling((runnerId, polling, hello) => {
      if (polling && runnerId === instance.runnerId) finish(() => resolve(hello));
    });
    const forgetRefusals = registry.onRefused((runnerId, error) => {
      if (runnerId === instance.runnerId) finish(() => reject(error));
    });
    const timer = clock.setTimer(() => finish(() => reject(timeoutError(component, wait.limitMs))), timeoutMs);
    signal.addEventListener("abort", onAbort, { once: true });
    void instance.exited.then((report) => finish(() => reject(new ExitedBeforeReady(component, describeExit(report)))));

    function finish(settle: () => void): void {
      unsubscribe();
      forgetRefusals();
      timer.cancel();
      signal.removeEventListener("abort", onAbort);
      settle();
    }
  });
}

function timeoutError(component: ComponentName, limitMs: number): AppError {
  return new AppError("START_TIMEOUT", `${component} did not begin to poll its queue within ${limitMs / 1000} s`, {
    hint: "Its log says how far it came; a longer wait is --timeout.",
    actions: [{ label: "Read its log", command: `stigmer server logs -c ${component}` }],
  });
}
