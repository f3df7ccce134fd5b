import { randomUUID } from "node:crypto";
import {
  type AgentTask,
  type Delivery,
  type Outcome,
  QUEUES,
  type RunnerEventType,
} from "@stigmer/agent-runner/protocol";
import { RunnerRefusal } from "../../src/engine/embedded/refusal.ts";
import type { RunnerApi } from "../../src/engine/embedded/runner-api.ts";
import { AppError } from "../../src/errors.ts";

/** What a worker does with one task; `stopped` aborts with the reason when the server asks it to put the task down. */
export type Behaviour = (task: AgentTask, hands: Hands) => Promise<Outcome>;

export interface Hands {
  deliver(...items: Delivery[]): Promise<void>;
  stopped: AbortSignal;
}

export interface ScriptedWorker extends AsyncDisposable {
  /** Executions it was given so far, in order. */
  taken: string[];
}

const HEARTBEAT_MS = 20;

/** A runner without a process: speaks the protocol of {@link RunnerApi} and does what the test says. */
export function startScriptedWorker(
  runner: RunnerApi,
  behave: Behaviour,
  { concurrency = 4 }: { concurrency?: number } = {},
): ScriptedWorker {
  const end = new AbortController();
  const taken: string[] = [];
  const { sessionId } = runner.hello({
    runnerId: `scripted-${randomUUID()}`,
    queue: QUEUES.agent,
    version: "0.0.0-test",
    pid: 1,
    concurrency,
    workspace: null,
  });
  const running = new Set<Promise<void>>();

  const askWhetherToStop = (leaseId: string): string | null => {
    try {
      const { cancel, lost } = runner.heartbeat({ sessionId, leaseIds: [leaseId] });
      return cancel[0]?.reason ?? (lost.length > 0 ? "lost" : null);
    } catch (error) {
      if (isRefusal(error)) return "lost";
      throw error;
    }
  };

  const work = async (task: AgentTask): Promise<void> => {
    const lease = { sessionId, leaseId: task.leaseId };
    const stop = new AbortController();
    const beat = setInterval(() => {
      const reason = end.signal.aborted ? null : askWhetherToStop(task.leaseId);
      if (reason !== null) stop.abort(reason);
    }, HEARTBEAT_MS);
    try {
      const deliver = (...items: Delivery[]): Promise<void> => runner.deliver({ ...lease, items });
      await deliver(event(0, 0, "execution.started", { provider: "scripted", model: null }));
      const outcome = await behave(task, { deliver, stopped: AbortSignal.any([stop.signal, end.signal]) });
      await runner.complete({ ...lease, items: [], outcome });
    } catch (error) {
      if (!isRefusal(error)) throw error;
    } finally {
      clearInterval(beat);
    }
  };

  const serve = async (): Promise<void> => {
    while (!end.signal.aborted) {
      if (running.size >= concurrency) {
        await Promise.race(running);
        continue;
      }
      const { tasks } = await runner.poll({ sessionId, capacity: concurrency - running.size }, end.signal);
      for (const task of tasks) {
        taken.push(task.executionId);
        const done = work(task).finally(() => running.delete(done));
        running.add(done);
      }
    }
  };
  const served = serve().catch((error: unknown) => {
    if (!end.signal.aborted && !isRefusal(error)) throw error;
  });

  return {
    taken,
    async [Symbol.asyncDispose]() {
      end.abort(new Error("the worker was ended"));
      await served;
      await Promise.allSettled([(async () => runner.bye(sessionId))()]); // The server may have ended before.
      await Promise.allSettled(running);
    },
  };
}

/** Lost the lease, or the server is ending. */
function isRefusal(error: unknown): boolean {
  return error instanceof RunnerRefusal || (error instanceof AppError && error.code === "NOT_RUNNING");
}

const TOKENS = { input: 3, output: 2 };

export function event(
  step: number,
  index: number,
  type: RunnerEventType,
  data: Extract<Delivery, { kind: "event" }>["data"] = {},
): Delivery {
  return { kind: "event", step, index, type, time: "2026-01-01T00:00:00.000Z", data };
}

export function modelStep(step: number, text: string): Delivery {
  const record = { kind: "model" as const, text, toolCalls: [], tokens: TOKENS, finishReason: "stop" };
  return { kind: "step", step, phase: "finished", record };
}

/** Answers with one message, told in words. */
export const answerWith =
  (text: string): Behaviour =>
  async (_task, { deliver }) => {
    await deliver(event(1, 0, "step.started", { kind: "model" }));
    const words = text.split(" ").map((word, index) => event(1, index + 1, "message.delta", { text: `${word} ` }));
    await deliver(...words, event(1, words.length + 1, "message.completed", { text }), modelStep(1, text));
    return { phase: "succeeded", output: text, tokens: TOKENS };
  };

/** Works until it is told to stop, then says so. */
export const workUntilStopped: Behaviour = async (_task, { stopped }) => {
  await untilAborted(stopped);
  return { phase: stopped.reason === "timed_out" ? "timed_out" : "cancelled" };
};

export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
