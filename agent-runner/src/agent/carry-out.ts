import { createMask } from "../logging/mask.ts";
import type { AgentTask, Json, NodeTask } from "../protocol/messages.ts";
import type { RoleContext } from "../roles/role.ts";
import type { StopReason, TaskChannel } from "../session/task-channel.ts";
import { walkLoop } from "./agent-loop.ts";
import type { ExecutionFailure } from "./execution-failure.ts";
import { countTokens, outcomeOf } from "./outcome.ts";
import { createRecorder, type Recorder } from "./recorder.ts";
import type { Subject } from "./subject.ts";

/** The longest that a timer of Node can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface Assignment {
  task: AgentTask | NodeTask;
  channel: TaskChannel;
  context: RoleContext;
  /** What the log calls it. */
  name: string;
  /** Stands in the data of every event. */
  eventData: { [key: string]: Json };
  /** Says what is to be run. What it throws ends the task as failed. */
  prepare: (recorder: Recorder) => Prepared;
}

export interface Prepared {
  subject: Subject;
  /** A limit of its own besides the execution's, and the failure that it ends in. */
  ownLimit: { ms: number; failure: ExecutionFailure } | null;
}

/** Runs a task from the last recorded step to its end, and reports the outcome. */
export async function carryOut({ task, channel, context, name, eventData, prepare }: Assignment): Promise<void> {
  const { log } = context;
  const began = performance.now();
  log.info(`${name}: ${task.attempt === 1 ? "started" : `goes on, lease ${task.attempt}`}`);
  const limits = createLimits(channel.signal);
  limits.add(task.remainingMs, "timed_out" satisfies StopReason);
  const { signal } = limits;
  const secrets = secretsOf(task);
  const mask = createMask();
  mask.add(secrets);
  const steps = [...task.steps];
  const walk = async () => {
    const recorder = createRecorder(channel, mask, eventData);
    const { subject, ownLimit } = prepare(recorder);
    if (ownLimit !== null) limits.add(ownLimit.ms, ownLimit.failure);
    return await walkLoop({
      subject,
      task,
      context,
      recorder,
      mask,
      secrets,
      steps,
      signal,
      remainingMs: limits.remainingMs,
    });
  };
  try {
    const outcome = await walk().catch((error: unknown) =>
      outcomeOf({ error, signal, tokens: countTokens(steps), mask, log }),
    );
    if (outcome === null) {
      log.info(`${name}: put down (${String(signal.reason)})`);
      return;
    }
    await channel.complete(outcome);
    const took = `${Math.round(performance.now() - began)} ms`;
    const why = outcome.phase === "failed" ? `: ${outcome.error.message}` : "";
    log.info(`${name}: ${outcome.phase} in ${took}${why}`);
  } finally {
    limits.clear();
  }
}

function secretsOf(task: Assignment["task"]): string[] {
  return [...new Set([...task.secrets, ...Object.values(task.keys)])].filter((secret) => secret !== "");
}

/** A signal that is aborted with `outer`'s reason, or with that of the limit that is reached first. */
function createLimits(outer: AbortSignal) {
  const reached = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  let endsAt = Number.POSITIVE_INFINITY;
  return {
    signal: AbortSignal.any([outer, reached.signal]),
    remainingMs: () => endsAt - performance.now(),
    add(ms: number, reason: StopReason | ExecutionFailure) {
      endsAt = Math.min(endsAt, performance.now() + ms);
      timers.push(setTimeout(() => reached.abort(reason), Math.min(Math.max(0, ms), LONGEST_TIMER_MS)));
    },
    clear: () => timers.forEach(clearTimeout),
  };
}
