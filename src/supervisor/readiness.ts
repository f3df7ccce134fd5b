import { describeExit } from "../components/exit-reason.ts";
import type { ComponentInstance } from "../components/instance.ts";
import type { RunnerHello, RunnerRegistry } from "../engine/engine.ts";
import { AppError } from "../errors.ts";
import { type Clock, systemClock } from "../platform/clock.ts";
import type { ComponentName } from "../stack/component.ts";
import { isWorking, onWorking, workInWords } from "./working.ts";

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
 * Resolves once the instance works, with the greeting of a runner that polled for the first time: the component itself says
 * so, and only a service that an earlier server started is asked.
 * @throws ExitedBeforeReady, AppError START_TIMEOUT or what keeps the server from taking the runner in, or the signal's reason.
 */
export function awaitWorking(wait: ReadinessWait): Promise<RunnerHello | null> {
  const { component, instance, registry, timeoutMs, signal } = wait;
  const clock = wait.clock ?? systemClock;
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    if (isWorking(instance, registry)) {
      resolve(null);
      return;
    }
    const onAbort = (): void => finish(() => reject(signal.reason));
    const unsubscribe = onWorking(instance, registry, (works, hello) => {
      if (works) finish(() => resolve(hello));
    });
    const forgetRefusals = registry.onRefused((runnerId, error) => {
      if (runnerId === instance.runnerId) finish(() => reject(error));
    });
    const timer = clock.setTimer(() => finish(() => reject(timeoutError(wait))), timeoutMs);
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

function timeoutError({ component, instance, limitMs }: ReadinessWait): AppError {
  return new AppError("START_TIMEOUT", `${component} did not ${workInWords(instance)} within ${limitMs / 1000} s`, {
    hint: "Its log says how far it came; a longer wait is --timeout.",
    actions: [{ label: "Read its log", command: `stigmer server logs -c ${component}` }],
  });
}
