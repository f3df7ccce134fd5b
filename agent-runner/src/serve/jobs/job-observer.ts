import type { NodeRun, StepRecord } from "../../protocol/messages.ts";
import type { EndedStatus, Job } from "../store/jobs-table.ts";

type RunName = Pick<NodeRun, "run" | "node" | "iteration">;

/** Sees what jobs do, as it is recorded: for metrics and traces. Times are milliseconds since the epoch. */
export interface JobObserver {
  jobStarted?(job: Job, at: number): void;
  /** `code` of what failed, else null. */
  jobEnded?(job: Job, ending: { status: EndedStatus; at: number; elapsedMs: number; code: string | null }): void;
  runStarted?(job: Job, run: RunName, at: number): void;
  runEnded?(job: Job, run: RunName, ending: { at: number; code: string | null }): void;
  stepStarted?(job: Job, run: RunName, step: { step: number; record: StepRecord; at: number }): void;
  stepFinished?(job: Job, run: RunName, step: { step: number; record: StepRecord; at: number }): void;
}

/** All of `observers` as one. */
export function observeWith(observers: readonly JobObserver[]): Required<JobObserver> {
  const all = (tell: (observer: JobObserver) => void): void => observers.forEach(tell);
  return {
    jobStarted: (...seen) => all((one) => one.jobStarted?.(...seen)),
    jobEnded: (...seen) => all((one) => one.jobEnded?.(...seen)),
    runStarted: (...seen) => all((one) => one.runStarted?.(...seen)),
    runEnded: (...seen) => all((one) => one.runEnded?.(...seen)),
    stepStarted: (...seen) => all((one) => one.stepStarted?.(...seen)),
    stepFinished: (...seen) => all((one) => one.stepFinished?.(...seen)),
  };
}
