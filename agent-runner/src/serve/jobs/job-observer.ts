import type { NodeRun, StepRecord } from "../../protocol/messages.ts";
import type { KeptRun } from "../store/job-runs.ts";
import type { EndedStatus, Job } from "../store/jobs-table.ts";

type RunName = Pick<NodeRun, "run" | "node" | "iteration">;

/** Sees what jobs do, as it is recorded: for metrics and traces. Times are milliseconds since the epoch. */
export interface JobObserver {
  jobStarted?(job: Job, at: number): void;
  /** `code` of what failed, else null. */
  jobEnded?(job: Job, ending: { status: EndedStatus; at: number; elapsedMs: number; code: string | null }): void;
  /** Also of a run that goes on in another life of the server. */
  runStarted?(job: Job, run: KeptRun, at: number): void;
  runEnded?(job: Job, run: RunName, ending: { at: number; code: string | null }): void;
  stepStarted?(job: Job, run: RunName, step: { step: number; record: StepRecord; at: number }): void;
  stepFinished?(job: Job, run: RunName, step: { step: number; record: StepRecord; at: number }): void;
}

/** All of `observers` as one. What one of them cannot do must not keep a job from its work. */
export function observeWith(
  observers: readonly JobObserver[],
  onFault: (error: unknown) => void,
): Required<JobObserver> {
  const all = (tell: (observer: JobObserver) => void): void => {
    for (const observer of observers) {
      try {
        tell(observer);
      } catch (error) {
        onFault(error);
      }
    }
  };
  return {
    jobStarted: (...seen) => all((one) => one.jobStarted?.(...seen)),
    jobEnded: (...seen) => all((one) => one.jobEnded?.(...seen)),
    runStarted: (...seen) => all((one) => one.runStarted?.(...seen)),
    runEnded: (...seen) => all((one) => one.runEnded?.(...seen)),
    stepStarted: (...seen) => all((one) => one.stepStarted?.(...seen)),
    stepFinished: (...seen) => all((one) => one.stepFinished?.(...seen)),
  };
}
