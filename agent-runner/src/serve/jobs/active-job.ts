import type { Log } from "../../log.ts";
import type { Decision, Delivery, Json, KeptWorkflow, NodeRun, NodeTask, Outcome } from "../../protocol/messages.ts";
import type { KeptRun } from "../store/job-runs.ts";
import type { Job } from "../store/jobs-table.ts";
import type { Store } from "../store/open-store.ts";
import { isStoreError } from "../store/store-error.ts";
import type { Interpreter } from "./interpreter.ts";
import type { JobJournal } from "./job-journal.ts";
import { NodeChannel } from "./node-channel.ts";

/** Why a job stops before its end; after `shutdown` it goes on in another life of the server. */
export type JobStop = "cancelled" | "timed_out" | "shutdown";

/** How the work on a job ended: `put-down` means that it is unfinished. */
export type JobResult = "ended" | "put-down";

export interface ActiveJobOptions {
  job: Job;
  input: { [field: string]: Json };
  workflow: KeptWorkflow;
  store: Store;
  journal: JobJournal;
  interpreter: Interpreter;
  log: Log;
}

type Failure = Extract<Decision, { kind: "fail" }>;

/** One job at work: turns of the interpreter, and the node runs that they ask for, until one of them says it is done. */
export class ActiveJob {
  readonly #options: ActiveJobOptions;
  readonly #journal: JobJournal;
  readonly #abort = new AbortController();
  #underWay = 0;
  #onIdle = () => {};
  readonly #runs: KeptRun[];
  #failure: Failure | null = null;
  #hasFaulted = false;

  constructor(options: ActiveJobOptions) {
    this.#options = options;
    this.#journal = options.journal;
    this.#runs = options.store.runs.list(options.job.number);
  }

  /** The first reason stands. */
  stop(reason: JobStop): void {
    this.#abort.abort(reason);
  }

  /** Works on the job until it ended or was put down. Never throws. */
  async work(): Promise<JobResult> {
    try {
      this.#goOn();
    } catch (error) {
      this.#fault(error);
    }
    await this.#allRunsEnded();
    try {
      return await this.#end();
    } catch (error) {
      this.#fault(error);
      return "put-down";
    }
  }

  /** Begins what an earlier life of the server left open, and what comes after all that has ended. */
  #goOn(): void {
    const interrupted = this.#runs.filter(({ phase }) => phase === "open");
    const next = this.#options.store.transaction(() => {
      this.#journal.start();
      for (const run of interrupted) this.#journal.beginAgain(run);
      return this.#decide();
    });
    if (!this.#isStopped) this.#begin([...interrupted, ...next]);
  }

  /** Asks the interpreter what comes next, and writes it; at the start and after every end of a run. @returns new runs. */
  #decide(): KeptRun[] {
    if (this.#isStopped) return [];
    const { interpreter, workflow, input } = this.#options;
    const decision = interpreter.advance(workflow, input, this.#runs);
    switch (decision.kind) {
      case "run": {
        const runs = decision.runs.map(
          (run): KeptRun => ({ ...run, phase: "open", output: null, error: null, attempt: 1 }),
        );
        this.#journal.addRuns(runs);
        this.#runs.push(...runs);
        return runs;
      }
      case "finish":
        this.#journal.complete(decision.output);
        return [];
      case "fail":
        this.#failure = decision;
        // Its other branches have nothing left to work for.
        this.#abort.abort("cancelled" satisfies JobStop);
        return [];
    }
  }

  #begin(runs: readonly KeptRun[]): void {
    for (const run of runs) {
      this.#underWay += 1;
      this.#run(run)
        .catch((error: unknown) => this.#fault(error))
        .finally(() => {
          // What follows this run has begun.
          this.#underWay -= 1;
          if (this.#underWay === 0) this.#onIdle();
        });
    }
  }

  async #allRunsEnded(): Promise<void> {
    if (this.#underWay === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  async #run(run: KeptRun): Promise<void> {
    const { interpreter, store } = this.#options;
    const channel = new NodeChannel({
      signal: this.#abort.signal,
      record: (items: Delivery[]) => this.#journal.record(run, items),
      flush: () => store.flush(),
      onFault: (error) => this.#fault(error),
    });
    await interpreter.runNode(this.#taskOf(run), channel);
    const { outcome } = channel;
    if (outcome?.phase === "timed_out") this.stop("timed_out");
    const next = store.transaction(() => {
      channel.write();
      if (this.#isStopped) return [];
      Object.assign(run, endedRun(run, outcome));
      this.#journal.endRun(run);
      return this.#decide();
    });
    this.#begin(next);
  }

  #taskOf(run: KeptRun): NodeTask {
    const { interpreter, workflow, store, job } = this.#options;
    return {
      kind: "node",
      taskId: `${job.id}/${run.run}`,
      leaseId: `${job.id}/${run.run}/${run.attempt}`,
      attempt: run.attempt,
      executionId: job.id,
      definition: workflow,
      run: run.run,
      node: run.node,
      iteration: run.iteration,
      state: run.state,
      steps: run.attempt === 1 ? [] : store.steps.list(job.number, run.run),
      earlierCalls: run.iteration === 1 ? 0 : store.runs.modelCalls(job.number, run),
      remainingMs: this.#remainingMs(),
      ...interpreter.surroundings(workflow, run.node),
    };
  }

  async #end(): Promise<JobResult> {
    if (this.#hasFaulted) return "put-down";
    const { reason } = this.#abort.signal;
    if (!this.#journal.hasEnded) {
      if (this.#failure !== null) this.#journal.fail(this.#failure);
      else if (reason === "cancelled") this.#journal.cancel();
      else if (reason === "timed_out") this.#journal.timeOut();
      else if (reason === "shutdown") return "put-down";
      else throw new Error("nothing was left to do, and the job has not ended");
    }
    await this.#options.store.flush();
    return "ended";
  }

  /** What cannot be written puts the job down as it is stored, for a later try; a mistake of ours ends it. */
  #fault(error: unknown): void {
    const { log, job } = this.#options;
    const detail = error instanceof Error ? error.stack : error;
    if (isStoreError(error)) {
      log.error(`job ${job.id} cannot go on for now: ${detail}`);
      this.#hasFaulted = true;
      this.#abort.abort("shutdown" satisfies JobStop);
    } else {
      log.error(`job ${job.id}: this is a bug: ${detail}`);
      this.#failure ??= { kind: "fail", error: { code: "INTERNAL", message: String(error) }, node: null };
      this.#abort.abort("cancelled" satisfies JobStop);
    }
  }

  get #isStopped(): boolean {
    return this.#abort.signal.aborted;
  }

  /** A node run ends itself when these are over. */
  #remainingMs(): number {
    const { interpreter, workflow } = this.#options;
    return Math.max(0, interpreter.limitMs(workflow) - this.#journal.elapsedMs());
  }
}

function endedRun(run: KeptRun, outcome: Outcome | null): Pick<NodeRun, "phase" | "output" | "error"> {
  if (outcome?.phase === "succeeded") {
    // A node run answers with the values of its outputs by field.
    return { phase: "succeeded", output: outcome.output as { [field: string]: Json }, error: null };
  }
  const error =
    outcome?.phase === "failed" ? outcome.error : { code: "INTERNAL", message: `the node ${run.node} gave no outcome` };
  return { phase: "failed", output: null, error };
}
