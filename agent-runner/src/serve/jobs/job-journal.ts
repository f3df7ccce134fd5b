import type { NewEvent } from "../../event-log/events.ts";
import type { Log } from "../../log.ts";
import type { Decision, Delivery, Json } from "../../protocol/messages.ts";
import type { KeptRun } from "../store/job-runs.ts";
import type { EndedStatus, Job, JobError } from "../store/jobs-table.ts";
import type { Store } from "../store/open-store.ts";
import type { EventBell } from "./event-bell.ts";
import type { JobObserver } from "./job-observer.ts";
import { PUBLIC_RETRY_REASON, publicError } from "./public-error.ts";

export interface JournalOptions {
  job: Job;
  store: Store;
  bell: EventBell;
  observer: Required<JobObserver>;
  log: Log;
}

/** Writes what a job does: each call is one transaction that holds the facts and the events that tell of them. */
export class JobJournal {
  readonly #options: JournalOptions;
  readonly #job: Job;
  #lastSeq: number;
  /** On the monotonic clock, when this life of the server began to work on the job. */
  #beganAt = performance.now();

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#job = options.job;
    this.#lastSeq = options.store.events.lastSeq(options.job.number);
  }

  get hasEnded(): boolean {
    return this.#job.completedAt !== null;
  }

  /** Milliseconds that the job ran so far, in all lives of the server. */
  elapsedMs(): number {
    return Math.round(this.#job.elapsedMs + performance.now() - this.#beganAt);
  }

  start(): void {
    const { store, observer, log } = this.#options;
    this.#beganAt = performance.now();
    const isFirst = this.#job.startedAt === null;
    const at = Date.now();
    this.#write(isFirst ? [eventAt("execution.started", at, {})] : [], () =>
      store.jobs.markRunning(this.#job.number, at),
    );
    this.#job.startedAt ??= at;
    this.#job.status = "running";
    observer.jobStarted(this.#job, at);
    log.info(`job ${this.#job.id}: ${isFirst ? "started" : "goes on"}`);
  }

  addRuns(runs: readonly KeptRun[]): void {
    const { store, observer } = this.#options;
    const at = Date.now();
    const events = runs.map(({ node, iteration }) => eventAt("node.started", at, { node, iteration }));
    this.#write(events, () => {
      for (const run of runs) store.runs.add(this.#job.number, run);
    });
    for (const run of runs) observer.runStarted(this.#job, run, at);
  }

  /** A run that an earlier life of the server left open. */
  beginAgain(run: KeptRun): void {
    run.attempt += 1;
    this.#options.store.runs.setAttempt(this.#job.number, run.run, run.attempt);
    this.#options.observer.runStarted(this.#job, run, Date.now());
  }

  /** What a node run delivered. `execution.started` was told at the start of the job. */
  record(run: KeptRun, items: readonly Delivery[]): void {
    const { store } = this.#options;
    const events = items.flatMap((item) => (item.kind === "event" ? this.#eventOf(run, item) : []));
    this.#write(events, () => {
      for (const item of items) if (item.kind === "step") store.steps.record(this.#job.number, run.run, item);
    });
    for (const item of items) if (item.kind === "step") this.#observeStep(run, item);
  }

  endRun(run: KeptRun): void {
    const { store, observer, log } = this.#options;
    const at = Date.now();
    const { node, iteration, error } = run;
    const events = run.phase === "succeeded" ? [eventAt("node.completed", at, { node, iteration })] : [];
    this.#write(events, () => store.runs.end(this.#job.number, run));
    if (error !== null) log.warn(`job ${this.#job.id}: node ${node} failed: ${error.code}: ${error.message}`);
    observer.runEnded(this.#job, run, { at, code: error?.code ?? null });
  }

  complete(output: { [field: string]: Json }): void {
    const at = Date.now();
    this.#end("completed", eventAt("execution.succeeded", at, { output }), { at, output, error: null });
  }

  fail({ error, node }: Extract<Decision, { kind: "fail" }>): void {
    // That of a node was logged at the end of its run.
    if (node === null) this.#options.log.warn(`job ${this.#job.id}: ${error.code}: ${error.message}`);
    const at = Date.now();
    const told = publicError(error.code, node);
    const data = { error: { ...told }, ...(node === null ? {} : { node }) };
    this.#end("failed", eventAt("execution.failed", at, data), { at, output: null, error: told });
  }

  timeOut(): void {
    const at = Date.now();
    const error = publicError("EXECUTION_TIMED_OUT", null);
    this.#end("failed", eventAt("execution.timed_out", at, {}), { at, output: null, error });
  }

  cancel(): void {
    const at = Date.now();
    this.#end("cancelled", eventAt("execution.cancelled", at, {}), { at, output: null, error: null });
  }

  #end(
    status: EndedStatus,
    event: NewEvent,
    { at, output, error }: { at: number; output: Json; error: JobError | null },
  ) {
    const { store, observer, log } = this.#options;
    const elapsedMs = this.#job.startedAt === null ? 0 : this.elapsedMs();
    this.#write([event], () => store.jobs.end(this.#job.number, { status, at, elapsedMs, output, error }));
    Object.assign(this.#job, { status, completedAt: at, elapsedMs, error });
    observer.jobEnded(this.#job, { status, at, elapsedMs, code: error?.code ?? null });
    log.info(`job ${this.#job.id}: ${status} in ${elapsedMs} ms`);
  }

  #write(events: readonly NewEvent[], work: () => void): void {
    const { store, bell } = this.#options;
    const { number } = this.#job;
    this.#lastSeq = store.transaction(() => {
      work();
      if (this.#job.status === "running") store.jobs.noteElapsed(number, this.elapsedMs());
      return store.events.append(number, this.#lastSeq, events);
    });
    if (events.length > 0) bell.ring(number);
  }

  #eventOf(run: KeptRun, { type, time, data }: Extract<Delivery, { kind: "event" }>): NewEvent[] {
    if (type === "execution.started") return [];
    if (type !== "step.retried") return [{ type, time, data }];
    this.#options.log.warn(`job ${this.#job.id}: node ${run.node}: tried again: ${String(data["reason"])}`);
    return [{ type, time, data: { ...data, reason: PUBLIC_RETRY_REASON } }];
  }

  #observeStep(run: KeptRun, { step, phase, record }: Extract<Delivery, { kind: "step" }>): void {
    const { observer } = this.#options;
    const seen = { step, record, at: Date.now() };
    if (phase === "started") observer.stepStarted(this.#job, run, seen);
    else observer.stepFinished(this.#job, run, seen);
  }
}

function eventAt(type: NewEvent["type"], at: number, data: NewEvent["data"]): NewEvent {
  return { type, time: new Date(at).toISOString(), data };
}
