import { randomUUID } from "node:crypto";
import {
  type AgentTask,
  type Decision,
  type Delivery,
  type NodeTask,
  type Outcome,
  QUEUES,
  type QueueName,
  type RunnerEventType,
  type Task,
  type WorkflowTask,
} from "@stigmer/agent-runner/protocol";
import { RunnerRefusal } from "../../src/engine/embedded/refusal.ts";
import type { RunnerApi } from "../../src/engine/embedded/runner-api.ts";
import { AppError } from "../../src/errors.ts";

/** What a worker does with one task; `stopped` aborts with the reason when the server asks it to put the task down. */
export type Behaviour<T extends AgentTask | NodeTask = AgentTask> = (task: T, hands: Hands) => Promise<Outcome>;

/** What a workflow decides at a turn. */
export type Decide = (task: WorkflowTask) => Decision | Promise<Decision>;

export interface Hands {
  deliver(...items: Delivery[]): Promise<void>;
  stopped: AbortSignal;
}

export interface ScriptedWorker extends AsyncDisposable {
  /** Executions it was given so far, in order; of a node's task with the run. */
  taken: string[];
  /** Ends it as a killed process ends: nothing is given back and nothing said. */
  die(): void;
}

const HEARTBEAT_MS = 20;

/** A runner without a process: speaks the protocol of {@link RunnerApi} and does what the test says. */
export function startScriptedWorker(
  runner: RunnerApi,
  behave: Behaviour,
  { concurrency = 4, runNode = unexpected }: { concurrency?: number; runNode?: Behaviour<NodeTask> } = {},
): ScriptedWorker {
  return serve(runner, { queue: QUEUES.agent, concurrency }, async (task, lease, hands) => {
    await hands.deliver(event(0, 0, "execution.started", { provider: "scripted", model: null }));
    const outcome = await (task.kind === "agent" ? behave(task, hands) : runNode(nodeTask(task), hands));
    await runner.complete({ ...lease, items: [], outcome });
  });
}

/** A workflow runner without a process. */
export function startScriptedInterpreter(runner: RunnerApi, decide: Decide): ScriptedWorker {
  return serve(runner, { queue: QUEUES.workflow, concurrency: 4 }, async (task, lease) => {
    if (task.kind !== "workflow") throw new Error(`a task of the kind ${task.kind} is no turn`);
    await runner.advance({ ...lease, decision: await decide(task) });
  });
}

interface HeldLease {
  sessionId: string;
  leaseId: string;
}

function serve(
  runner: RunnerApi,
  { queue, concurrency }: { queue: QueueName; concurrency: number },
  perform: (task: Task, lease: HeldLease, hands: Hands) => Promise<void>,
): ScriptedWorker {
  const end = new AbortController();
  const taken: string[] = [];
  const hello = { runnerId: `scripted-${randomUUID()}`, queue, version: "0.0.0-test", pid: 1, concurrency };
  const { sessionId } = runner.hello({ ...hello, workspace: null });
  const running = new Set<Promise<void>>();
  let isDead = false;

  const askWhetherToStop = (leaseId: string): string | null => {
    try {
      const { cancel, lost } = runner.heartbeat({ sessionId, leaseIds: [leaseId] });
      return cancel[0]?.reason ?? (lost.length > 0 ? "lost" : null);
    } catch (error) {
      if (isRefusal(error)) return "lost";
      throw error;
    }
  };

  const work = async (task: Task): Promise<void> => {
    const lease = { sessionId, leaseId: task.leaseId };
    const stop = new AbortController();
    const beat = setInterval(() => {
      const reason = end.signal.aborted ? null : askWhetherToStop(task.leaseId);
      if (reason !== null) stop.abort(reason);
    }, HEARTBEAT_MS);
    try {
      const deliver = (...items: Delivery[]): Promise<void> => runner.deliver({ ...lease, items });
      await perform(task, lease, { deliver, stopped: AbortSignal.any([stop.signal, end.signal]) });
    } catch (error) {
      if (!isRefusal(error) && !isDead) throw error;
    } finally {
      clearInterval(beat);
    }
  };

  const poll = async (): Promise<void> => {
    while (!end.signal.aborted) {
      if (running.size >= concurrency) {
        await Promise.race(running);
        continue;
      }
      const { tasks } = await runner.poll({ sessionId, capacity: concurrency - running.size }, end.signal);
      for (const task of tasks) {
        taken.push(task.kind === "node" ? `${task.executionId}/${task.run}` : task.executionId);
        const done = work(task).finally(() => running.delete(done));
        running.add(done);
      }
    }
  };
  const served = poll().catch((error: unknown) => {
    if (!end.signal.aborted && !isRefusal(error)) throw error;
  });

  return {
    taken,
    die() {
      isDead = true;
      end.abort(new Error("the worker was killed"));
    },
    async [Symbol.asyncDispose]() {
      end.abort(new Error("the worker was ended"));
      await served;
      await Promise.allSettled([(async () => runner.bye(sessionId))()]); // The server may have ended before.
      await Promise.allSettled(running);
    },
  };
}

function nodeTask(task: Task): NodeTask {
  if (task.kind === "node") return task;
  throw new Error(`a task of the kind ${task.kind} is not for this queue`);
}

async function unexpected(): Promise<never> {
  throw new Error("this worker has no nodes to run");
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
export const workUntilStopped: Behaviour<AgentTask | NodeTask> = async (_task, { stopped }) => {
  await untilAborted(stopped);
  return { phase: stopped.reason === "timed_out" ? "timed_out" : "cancelled" };
};

export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
