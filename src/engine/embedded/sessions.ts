import type { HelloRequest, QueueName } from "@stigmer/agent-runner/protocol";
import { AppError } from "../../errors.ts";
import type { Clock } from "../../platform/clock.ts";
import type { RunnerSessions } from "../../store/runner-sessions.ts";
import type { RunnerHello, RunnerRegistry } from "../engine.ts";
import { RunnerRefusal } from "./refusal.ts";
import type { Work } from "./work.ts";

/** A session that was not heard of for this long has ended: twice the time of a lease, and over that of a held poll. */
export const SESSION_MS = 60_000;

/** One boot of a runner. */
export interface RunnerSession {
  readonly id: string;
  readonly hello: HelloRequest;
  readonly leases: Set<Work>;
  /** It asked for work since this server started. */
  hasPolled: boolean;
  expiry: { cancel(): void } | null;
}

export type SessionEnd = "bye" | "superseded" | "expired" | "died";

export interface SessionsOptions {
  clock: Clock;
  store: RunnerSessions;
  newId: () => string;
  /** Called before the session is forgotten: its leases are still in it. */
  onEnd: (session: RunnerSession, reason: SessionEnd) => void;
  /** The queue may have got its first session or lost its last. */
  onServed: (queue: QueueName) => void;
}

type PollingListener = Parameters<RunnerRegistry["onPolling"]>[0];
type RefusalListener = Parameters<RunnerRegistry["onRefused"]>[0];

/** The runners that are there. Sessions outlive the server: a runner polls on after a restart as if nothing was. */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #sessions = new Map<string, RunnerSession>();
  readonly #listeners = new Set<PollingListener>();
  readonly #refusalListeners = new Set<RefusalListener>();
  readonly #pollEndListeners = new Set<(runnerId: string) => void>();
  #isClosed = false;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** Brings back the sessions that an earlier server had; each has the usual time to be heard of again. */
  restore(): void {
    for (const { id, hello } of this.#options.store.list()) this.#add(id, hello);
  }

  /** @throws AppError of the store; whoever waits for this runner is told of it, too. */
  open(hello: HelloRequest): RunnerSession {
    try {
      return this.#open(hello);
    } catch (error) {
      const { runnerId } = hello;
      if (error instanceof AppError && runnerId !== null) {
        for (const listener of this.#refusalListeners) listener(runnerId, error);
      }
      throw error;
    }
  }

  #open(hello: HelloRequest): RunnerSession {
    // A runner says hello again when the answer to its first hello was lost; it can be in one session only.
    if (hello.runnerId !== null) this.endRunner(hello.runnerId, "superseded");
    const id = this.#options.newId();
    this.#options.store.insert({ id, hello });
    const session = this.#add(id, hello);
    this.#options.onServed(hello.queue);
    return session;
  }

  find(id: string): RunnerSession | null {
    return this.#sessions.get(id) ?? null;
  }

  /** @throws RunnerRefusal session_unknown */
  require(id: string): RunnerSession {
    const session = this.#sessions.get(id);
    if (session === undefined) throw new RunnerRefusal("session_unknown");
    return session;
  }

  serves(queue: QueueName): boolean {
    for (const session of this.#sessions.values()) if (session.hello.queue === queue) return true;
    return false;
  }

  /** It was heard of. */
  touch(session: RunnerSession): void {
    session.expiry?.cancel();
    session.expiry = null;
    if (this.#isClosed || this.#sessions.get(session.id) !== session) return;
    session.expiry = this.#options.clock.setTimer(() => this.end(session, "expired"), SESSION_MS);
  }

  pollBegan(session: RunnerSession): void {
    this.touch(session);
    if (session.hasPolled) return;
    session.hasPolled = true;
    this.#tell(session, true);
  }

  pollEnded(session: RunnerSession): void {
    this.touch(session);
    const { runnerId } = session.hello;
    if (runnerId !== null) for (const listener of this.#pollEndListeners) listener(runnerId);
  }

  end(session: RunnerSession, reason: SessionEnd): void {
    if (!this.#sessions.delete(session.id)) return;
    session.expiry?.cancel();
    this.#options.onEnd(session, reason);
    this.#options.onServed(session.hello.queue);
    if (session.hasPolled) this.#tell(session, false);
    // Last: where this fails, the row that stays is a session that the next server lets expire.
    this.#options.store.delete(session.id);
  }

  endRunner(runnerId: string, reason: SessionEnd): void {
    for (const session of [...this.#sessions.values()]) {
      if (session.hello.runnerId === runnerId) this.end(session, reason);
    }
  }

  isPolling(runnerId: string): boolean {
    for (const session of this.#sessions.values()) {
      if (session.hello.runnerId === runnerId && session.hasPolled) return true;
    }
    return false;
  }

  onPolling(listener: PollingListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onRefused(listener: RefusalListener): () => void {
    this.#refusalListeners.add(listener);
    return () => this.#refusalListeners.delete(listener);
  }

  onPollEnded(listener: (runnerId: string) => void): () => void {
    this.#pollEndListeners.add(listener);
    return () => this.#pollEndListeners.delete(listener);
  }

  /** Forgets the timers; the sessions stay in the store for the next server. */
  close(): void {
    this.#isClosed = true;
    for (const session of this.#sessions.values()) session.expiry?.cancel();
  }

  #add(id: string, hello: HelloRequest): RunnerSession {
    const session: RunnerSession = { id, hello, leases: new Set(), hasPolled: false, expiry: null };
    this.#sessions.set(id, session);
    this.touch(session);
    return session;
  }

  #tell({ hello }: RunnerSession, polling: boolean): void {
    if (hello.runnerId === null) return;
    const { queue, version, pid, workspace } = hello;
    const told: RunnerHello = { queue, version, pid, workspace };
    for (const listener of this.#listeners) listener(hello.runnerId, polling, told);
  }
}
