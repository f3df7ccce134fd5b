import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../log.ts";
import type { HeartbeatResponse, HelloRequest, HelloResponse, PollResponse, Task } from "../protocol/messages.ts";
import { type Backend, BackendRefusal } from "./backend.ts";
import type { Connection } from "./connection.ts";
import { Lease } from "./lease.ts";
import type { TaskChannel, TurnChannel } from "./task-channel.ts";

/** So that a cancelled tool is dead within a second of the request (engine.md §3). */
const HEARTBEAT_EVERY_MS = 500;
const CALL_DEADLINE_MS = 10_000;
/** Over the server's own `pollMs`: after this a held poll is taken for a dead one. */
const POLL_GRACE_MS = 5_000;
/** A server that answers an empty poll at once must not be asked without a pause. */
const EMPTY_POLL_PAUSE_MS = 100;
/** What the tasks get for putting down their tools before the leases are given back. */
const SHUTDOWN_GRACE_MS = 1_000;
const BYE_DEADLINE_MS = 500;

const SESSION_UNKNOWN = Symbol("session_unknown");

export interface SessionOptions {
  backend: Backend;
  connection: Connection;
  hello: HelloRequest;
  log: Log;
  /** Runs one task to its `complete` or `advance`, or until its channel's signal says `lost` or `shutdown`. */
  runTask: (task: Task, channel: TaskChannel & TurnChannel) => Promise<void>;
  /** Called when a poll begins and when it is answered. */
  onPoll: () => void;
  /** Ends the session: tasks are stopped and their leases given back. */
  signal: AbortSignal;
}

/** Serves one queue until its signal is aborted: hello, polls, heartbeats, tasks, bye. */
export async function serveQueue(options: SessionOptions): Promise<void> {
  const session = new Session(options);
  await session.serve();
}

class Session {
  readonly #options: SessionOptions;
  readonly #leases = new Map<string, { lease: Lease; done: Promise<void> }>();
  #greeted: Promise<HelloResponse> | null = null;
  #isBeating = false;
  readonly #ended: Promise<unknown>;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#ended = new Promise((resolve) => options.signal.addEventListener("abort", resolve, { once: true }));
  }

  async serve(): Promise<void> {
    const { signal } = this.#options;
    try {
      while (!signal.aborted) await this.#pollOnce();
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      await this.#end();
    }
  }

  async #pollOnce(): Promise<void> {
    const { hello, onPoll, signal } = this.#options;
    const capacity = hello.concurrency - this.#leases.size;
    if (capacity <= 0) {
      await Promise.race([this.#ended, ...[...this.#leases.values()].map(({ done }) => done)]);
      return;
    }
    const { pollMs } = await this.#greet();
    onPoll();
    const askedAt = performance.now();
    const answer = await this.#call<PollResponse>("poll", { capacity }, pollMs + POLL_GRACE_MS);
    if (answer === SESSION_UNKNOWN) return;
    onPoll();
    for (const task of answer.tasks) this.#begin(task);
    if (answer.tasks.length === 0 && performance.now() - askedAt < EMPTY_POLL_PAUSE_MS) {
      await delay(EMPTY_POLL_PAUSE_MS, undefined, { signal });
    }
  }

  #begin(task: Task): void {
    const { log, runTask } = this.#options;
    const lease = new Lease({
      leaseId: task.leaseId,
      log,
      send: async (path, body) => {
        await this.#callUntilKnown(path, body);
      },
    });
    const done = runTask(task, lease)
      .catch(async (error: unknown) => {
        // A task that is never completed would be leased again and again.
        log.error(`this is a bug: task ${task.taskId}: ${describe(error)}`);
        const failure = { code: "INTERNAL", message: error instanceof Error ? error.message : String(error) };
        if (task.kind === "workflow") await lease.advance({ kind: "fail", error: failure, node: null });
        else await lease.complete({ phase: "failed", error: failure, tokens: { input: 0, output: 0 } });
      })
      .finally(() => this.#leases.delete(task.leaseId));
    this.#leases.set(task.leaseId, { lease, done });
    if (!this.#isBeating) void this.#beat();
  }

  /** The flag falls in the same turn as the last look at the leases: one that begins right after starts a new beat. */
  async #beat(): Promise<void> {
    const { signal } = this.#options;
    this.#isBeating = true;
    while (this.#leases.size > 0 && !signal.aborted) {
      await pauseOrAbort(HEARTBEAT_EVERY_MS, signal);
      if (this.#leases.size === 0 || signal.aborted) break;
      this.#options.onPoll();
      const leaseIds = [...this.#leases.keys()];
      const answer = await this.#call<HeartbeatResponse>("heartbeat", { leaseIds }, CALL_DEADLINE_MS).catch(
        (error: unknown): typeof SESSION_UNKNOWN => {
          if (!signal.aborted) this.#options.log.error(`heartbeat failed: ${describe(error)}`);
          return SESSION_UNKNOWN;
        },
      );
      if (answer === SESSION_UNKNOWN) continue;
      for (const { leaseId, reason } of answer.cancel) this.#leases.get(leaseId)?.lease.stop(reason);
      for (const leaseId of answer.lost) this.#leases.get(leaseId)?.lease.stop("lost");
    }
    this.#isBeating = false;
  }

  /** Opens the session, once for all who ask at the same time. */
  #greet(): Promise<HelloResponse> {
    this.#greeted ??= this.#sayHello();
    return this.#greeted;
  }

  async #sayHello(): Promise<HelloResponse> {
    const { connection, hello, log, signal } = this.#options;
    const answer = await connection.call<HelloResponse>("sessions", hello, { signal, deadlineMs: CALL_DEADLINE_MS });
    log.info(`polling ${hello.queue}`);
    return answer;
  }

  /** One call under the current session. When the server does not know that session, the next call says hello again. */
  async #call<Answer>(path: string, body: object, deadlineMs: number): Promise<Answer | typeof SESSION_UNKNOWN> {
    const { connection, log, signal } = this.#options;
    const greeted = this.#greet();
    const { sessionId } = await greeted;
    try {
      return await connection.call<Answer>(path, { sessionId, ...body }, { signal, deadlineMs });
    } catch (error) {
      if (!(error instanceof BackendRefusal) || error.code !== "session_unknown") throw error;
      if (this.#greeted === greeted) {
        log.info("the server does not know this session any more");
        this.#greeted = null;
      }
      return SESSION_UNKNOWN;
    }
  }

  async #callUntilKnown(path: string, body: object): Promise<void> {
    let answer: unknown = SESSION_UNKNOWN;
    while (answer === SESSION_UNKNOWN) answer = await this.#call<unknown>(path, body, CALL_DEADLINE_MS);
  }

  /** Stops the tasks, then gives the leases back at once instead of letting them expire. */
  async #end(): Promise<void> {
    const { backend, log } = this.#options;
    const running = [...this.#leases.values()];
    for (const { lease } of running) lease.stop("shutdown");
    await Promise.race([
      Promise.all(running.map(({ done }) => done)),
      delay(SHUTDOWN_GRACE_MS, undefined, { ref: false }),
    ]);
    const sessionId = await this.#openSessionId();
    if (sessionId === null) return;
    await backend.post("bye", { sessionId }, { deadlineMs: BYE_DEADLINE_MS }).catch((error: unknown) => {
      log.debug(`bye was not heard: ${describe(error)}`);
    });
  }

  async #openSessionId(): Promise<string | null> {
    // Already settled: the session's own signal ends a hello that waits.
    const greeted = await this.#greeted?.catch(() => null);
    return greeted?.sessionId ?? null;
  }
}

async function pauseOrAbort(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
