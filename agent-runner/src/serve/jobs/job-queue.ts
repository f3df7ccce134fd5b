import { randomUUID } from "node:crypto";
import type { Log } from "../../log.ts";
import type { Json, KeptWorkflow } from "../../protocol/messages.ts";
import type { Job } from "../store/jobs-table.ts";
import type { Store } from "../store/open-store.ts";
import { ActiveJob, type JobStop } from "./active-job.ts";
import { createEndBell } from "./end-bell.ts";
import type { EventBell } from "./event-bell.ts";
import type { Interpreter } from "./interpreter.ts";
import { JobCounts } from "./job-counts.ts";
import { JobJournal } from "./job-journal.ts";
import type { JobObserver } from "./job-observer.ts";
import { DrainingError, IdempotencyConflict, QueueFullError } from "./refusals.ts";

export interface JobQueueOptions {
  store: Store;
  workflow: KeptWorkflow;
  interpreter: Interpreter;
  bell: EventBell;
  observer: Required<JobObserver>;
  log: Log;
  maxRunning: number;
  maxWaiting: number;
}

export interface Submission {
  input: { [field: string]: Json };
  idempotencyKey: string | null;
  bodyDigest: string;
}

/** A job that could not be written goes on after this pause, in milliseconds: a disk may be full for a while. */
const RETRY_PAUSE_MS = 5_000;

/** All unfinished jobs: at most `maxRunning` at work, the others waiting in the order in which they came. */
export class JobQueue {
  readonly #options: JobQueueOptions;
  readonly #workflowDigest: string;
  readonly #workflows = new Map<string, KeptWorkflow>();
  readonly #waiting = new Map<string, Job>();
  readonly #active = new Map<string, ActiveJob>();
  readonly #ends = createEndBell();
  readonly #counts: JobCounts;
  #isDraining = false;
  #onIdle = () => {};

  constructor(options: JobQueueOptions) {
    this.#options = options;
    this.#workflowDigest = options.store.keepWorkflow(options.workflow);
    this.#workflows.set(this.#workflowDigest, options.workflow);
    options.store.dropWorkflowsBut(this.#workflowDigest);
    this.#counts = new JobCounts(options.store.jobs);
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Takes up what an earlier life of the server left unfinished. */
  resume(): void {
    for (const job of this.#options.store.jobs.unfinished()) this.#waiting.set(job.id, job);
    if (this.#waiting.size > 0) this.#options.log.info(`${this.#waiting.size} unfinished jobs go on`);
    this.#startWaiting();
  }

  /** The job that was started with this key; null without one. @throws IdempotencyConflict for another body. */
  find({ idempotencyKey, bodyDigest }: Pick<Submission, "idempotencyKey" | "bodyDigest">): Job | null {
    if (idempotencyKey === null) return null;
    const known = this.#options.store.jobs.byIdempotencyKey(idempotencyKey);
    if (known !== null && known.bodyDigest !== bodyDigest) throw new IdempotencyConflict(known.id);
    return known;
  }

  /**
   * Starts a job, or finds the one that this idempotency key has started.
   * @throws QueueFullError, DrainingError, IdempotencyConflict
   */
  submit(submission: Submission): Job {
    const known = this.find(submission);
    if (known !== null) return known;
    if (this.#isDraining) throw new DrainingError();
    const isFree = this.#active.size < this.#options.maxRunning && this.#waiting.size === 0;
    if (!isFree && this.#waiting.size >= this.#options.maxWaiting) throw new QueueFullError(this.#options);
    const job = this.#insert(submission);
    this.#counts.add("pending", 1);
    this.#waiting.set(job.id, job);
    this.#startWaiting();
    return job;
  }

  /** Resolves when the job has ended or is not under way here any more, or with `signal`. */
  ended(id: string, signal: AbortSignal): Promise<void> {
    if (!this.#waiting.has(id) && !this.#active.has(id)) return Promise.resolve();
    return this.#ends.wait(id, signal);
  }

  /** Asks for the end of a job that has not ended. */
  cancel(job: Job): void {
    const waiting = this.#waiting.get(job.id);
    if (waiting !== undefined) {
      this.#cancelWaiting(waiting);
      this.#waiting.delete(job.id);
      this.#ends.ring(job.id);
      return;
    }
    // Kept first: the server may die before the job has ended.
    this.#options.store.jobs.markCancelAsked(job.number);
    this.#options.log.info(`job ${job.id}: to be cancelled`);
    this.#active.get(job.id)?.stop("cancelled");
  }

  get counts(): JobCounts {
    return this.#counts;
  }

  /** Nothing new begins; resolves when all that runs has ended, or was put down because `deadline` passed. */
  async drain(deadline: AbortSignal): Promise<void> {
    this.#isDraining = true;
    const putDown = (): void => {
      for (const active of this.#active.values()) active.stop("shutdown" satisfies JobStop);
    };
    // Whoever waits for a job that does not begin any more is told where to look for it later.
    for (const id of this.#waiting.keys()) this.#ends.ring(id);
    if (deadline.aborted) putDown();
    deadline.addEventListener("abort", putDown);
    while (this.#active.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
  }

  #insert(submission: Submission): Job {
    const { store } = this.#options;
    const id = randomUUID();
    const createdAt = Date.now();
    const time = new Date(createdAt).toISOString();
    const fresh = { ...submission, id, createdAt, workflow: this.#workflowDigest };
    const number = store.transaction(() => {
      const inserted = store.jobs.insert(fresh);
      store.events.append(inserted, 0, [{ type: "execution.queued", time, data: {} }]);
      return inserted;
    });
    return {
      number,
      id,
      status: "pending",
      isCancelAsked: false,
      createdAt,
      startedAt: null,
      completedAt: null,
      elapsedMs: 0,
      idempotencyKey: submission.idempotencyKey,
      bodyDigest: submission.bodyDigest,
      workflow: this.#workflowDigest,
      error: null,
    };
  }

  #startWaiting(): void {
    for (const job of this.#waiting.values()) {
      if (this.#isDraining || this.#active.size >= this.#options.maxRunning) return;
      this.#waiting.delete(job.id);
      this.#work(job.id).catch((error: unknown) => {
        this.#options.log.error(`job ${job.id} cannot begin for now: ${error instanceof Error ? error.stack : error}`);
        this.#active.delete(job.id);
        this.#retryLater(job.id);
      });
    }
  }

  async #work(id: string): Promise<void> {
    const { store, interpreter, log } = this.#options;
    const kept = store.jobs.get(id);
    if (kept === null) throw new Error("it is gone");
    const { input, output: _, ...job } = kept;
    let counted = job.status;
    const recount = (): void => {
      this.#counts.move(counted, job.status);
      counted = job.status;
    };
    const journal = this.#journalOf(job);
    const workflow = this.#workflowOf(job);
    const active = new ActiveJob({ job, input, workflow, store, journal, interpreter, log });
    this.#active.set(job.id, active);
    if (job.isCancelAsked) active.stop("cancelled");
    const worked = active.work();
    recount();
    const result = await worked;
    this.#active.delete(job.id);
    recount();
    if (result === "put-down" && !this.#isDraining) this.#retryLater(job.id);
    this.#ends.ring(job.id);
    this.#startWaiting();
    if (this.#active.size === 0) this.#onIdle();
  }

  /** Few workflows, many jobs: each is read once. */
  #workflowOf({ workflow: digest }: Job): KeptWorkflow {
    const known = this.#workflows.get(digest) ?? this.#options.store.workflow(digest);
    this.#workflows.set(digest, known);
    return known;
  }

  #retryLater(id: string): void {
    const { store, log } = this.#options;
    const timer = setTimeout(() => {
      if (this.#isDraining) return;
      try {
        this.#counts.reload();
        const job = store.jobs.get(id);
        if (job === null || job.completedAt !== null) return;
        // Somebody may have asked for its end meanwhile, which ends it as soon as it is at work.
        this.#waiting.set(id, job);
        this.#startWaiting();
      } catch (error) {
        log.error(`job ${id} has to wait: ${error instanceof Error ? error.message : error}`);
        this.#retryLater(id);
      }
    }, RETRY_PAUSE_MS);
    timer.unref();
  }

  #cancelWaiting(job: Job): void {
    const before = job.status;
    this.#journalOf(job).cancel();
    this.#counts.move(before, job.status);
  }

  #journalOf(job: Job): JobJournal {
    const { store, bell, observer, log } = this.#options;
    return new JobJournal({ job, store, bell, observer, log });
  }
}
