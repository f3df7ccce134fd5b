import type { Clock } from "../../platform/clock.ts";
import type { Store } from "../../store/open.ts";
import type { Engine, RunnerRegistry } from "../engine.ts";
import { EventBell } from "./event-bell.ts";
import { createExecutionApi } from "./execution-api.ts";
import { KeptNeeds } from "./kept-needs.ts";
import type { RunSettings } from "./prepare-run.ts";
import { keepRetention } from "./retention.ts";
import { createRunnerApi, type RunnerApi } from "./runner-api.ts";
import { Scheduler } from "./scheduler.ts";
import { Sessions } from "./sessions.ts";
import type { Variables } from "./variables.ts";
import { WaitingPolls } from "./waiting-polls.ts";

export interface EmbeddedEngineOptions {
  store: Store;
  clock: Clock;
  settings: RunSettings;
  /** How long an ended execution is kept; null means for ever. */
  retentionMs: number | null;
  /** The values of `secrets.env`, read anew at each call. */
  readSecrets: () => Promise<Variables>;
  /** The server's own environment, where `-e` and `secrets.env` have no value. */
  environment: NodeJS.ProcessEnv;
  serverVersion: string;
  /** Unique over all time, e.g. a random UUID. */
  newId: () => string;
  /** What went wrong where nobody waits for an answer; it is tried again. */
  onFault: (error: unknown) => void;
}

export interface EmbeddedEngine {
  engine: Engine;
  registry: RunnerRegistry;
  runner: RunnerApi;
  /** Ends held polls and followed events, stops all timers; executions stay as they are for the next server. */
  close(): void;
}

/**
 * The engine that needs nothing but the store (engine.md §5). Takes over what an earlier server left unfinished:
 * sessions and leases get one more period from now, within which their runners are heard of again or declared dead.
 * @throws AppError of the store.
 */
export function createEmbeddedEngine(options: EmbeddedEngineOptions): EmbeddedEngine {
  const { store, newId, onFault } = options;
  const clock = guardTimers(options.clock, onFault);
  const bell = new EventBell();
  const closing = new AbortController();
  const polls = new WaitingPolls(clock);
  const sessions: Sessions = new Sessions({
    clock,
    store: store.runnerSessions,
    newId,
    onEnd: (session, reason) => {
      polls.answerSession(session);
      const isDeath = reason === "died" || reason === "expired";
      for (const work of [...session.leases]) scheduler.release(work, { isDeath });
    },
    onServed: (queue) => scheduler.onServed(queue),
  });
  const needs = new KeptNeeds(store.definitions);
  const scheduler = new Scheduler({ ...options, needs, clock, bell, polls, sessions, closing: closing.signal });
  sessions.restore();
  scheduler.restore();
  const endRetention = keepRetention({ ...options, clock });

  return {
    engine: createExecutionApi({ ...options, needs, clock, bell, scheduler, closing: closing.signal }),
    registry: {
      onPolling: (listener) => sessions.onPolling(listener),
      isPolling: (runnerId) => sessions.isPolling(runnerId),
      onRefused: (listener) => sessions.onRefused(listener),
      onPollEnded: (listener) => sessions.onPollEnded(listener),
      runnerDied: (runnerId) => {
        try {
          sessions.endRunner(runnerId, "died");
        } catch (error) {
          // The supervisor has a death to deal with; that this one could not be written down is no business of its.
          onFault(error);
        }
      },
    },
    runner: createRunnerApi({ ...options, needs, clock, bell, polls, sessions, scheduler, closing: closing.signal }),
    close: () => {
      closing.abort();
      bell.ringAll();
      scheduler.close();
      endRetention();
      sessions.close();
      polls.answerAll();
    },
  };
}

/** An exception out of a timer would end the server. */
function guardTimers(clock: Clock, onFault: (error: unknown) => void): Clock {
  return {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    setTimer: (callback, delayMs) =>
      clock.setTimer(() => {
        try {
          callback();
        } catch (error) {
          onFault(error);
        }
      }, delayMs),
  };
}
