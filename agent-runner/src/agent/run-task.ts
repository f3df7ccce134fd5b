import { createMask } from "../logging/mask.ts";
import type { AgentTask } from "../protocol/messages.ts";
import type { RoleContext } from "../roles/role.ts";
import type { StopReason, TaskChannel } from "../session/task-channel.ts";
import { walkLoop } from "./agent-loop.ts";
import { countTokens, outcomeOf } from "./outcome.ts";

/** The longest that a timer of Node can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Runs an agent from the last recorded step to its end, and reports the outcome. */
export const runTask = async (task: AgentTask, channel: TaskChannel, context: RoleContext): Promise<void> => {
  const { log } = context;
  const began = performance.now();
  log.info(`execution ${task.executionId}: ${task.attempt === 1 ? "started" : `goes on, lease ${task.attempt}`}`);
  const { signal, clear } = stopAtDeadline(channel.signal, task.remainingMs);
  const secrets = secretsOf(task);
  const mask = createMask();
  mask.add(secrets);
  const steps = [...task.steps];
  try {
    const outcome = await walkLoop({ task, channel, context, mask, secrets, steps, signal }).catch((error: unknown) =>
      outcomeOf({ error, signal, tokens: countTokens(steps), mask, log }),
    );
    if (outcome === null) {
      log.info(`execution ${task.executionId}: put down (${String(signal.reason)})`);
      return;
    }
    await channel.complete(outcome);
    const took = `${Math.round(performance.now() - began)} ms`;
    const why = outcome.phase === "failed" ? `: ${outcome.error.message}` : "";
    log.info(`execution ${task.executionId}: ${outcome.phase} in ${took}${why}`);
  } finally {
    clear();
  }
};

function secretsOf(task: AgentTask): string[] {
  return [...new Set([...task.secrets, ...Object.values(task.keys)])].filter((secret) => secret !== "");
}

/** A signal that is aborted with `outer`'s reason, or with `timed_out` when the execution's time is up. */
function stopAtDeadline(outer: AbortSignal, remainingMs: number) {
  const deadline = new AbortController();
  const timer = setTimeout(
    () => deadline.abort("timed_out" satisfies StopReason),
    Math.min(Math.max(0, remainingMs), LONGEST_TIMER_MS),
  );
  return { signal: AbortSignal.any([outer, deadline.signal]), clear: () => clearTimeout(timer) };
}
