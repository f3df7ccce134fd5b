import type { Mask } from "../logging/mask.ts";
import { createModel } from "../models/create-model.ts";
import type { Model } from "../models/model.ts";
import { reachableUrl } from "../models/reachable-url.ts";
import type { AgentTask, Outcome } from "../protocol/messages.ts";
import type { RoleContext } from "../roles/role.ts";
import { openToolbox, type Toolbox } from "../tools/toolbox.ts";
import type { RecordedStep } from "./history.ts";
import { withSkills } from "./instructions.ts";
import { runModelStep } from "./model-step.ts";
import { nextStep } from "./next-step.ts";
import { countTokens } from "./outcome.ts";
import type { Recorder } from "./recorder.ts";
import type { Subject } from "./subject.ts";
import { runToolSteps } from "./tool-step.ts";

export interface Walk {
  subject: Subject;
  task: Pick<AgentTask, "defaults" | "keys" | "environment">;
  context: RoleContext;
  recorder: Recorder;
  mask: Mask;
  secrets: readonly string[];
  /** What is recorded so far; grows with each step that ends. */
  steps: RecordedStep[];
  signal: AbortSignal;
  /** Milliseconds until the time is up. */
  remainingMs: () => number;
}

/** Does what {@link nextStep} says until it says that the subject is done. @throws ExecutionFailure, or the signal's reason. */
export async function walkLoop(walk: Walk): Promise<Outcome> {
  const { subject, task, context, signal } = walk;
  const { workspaceRoot, loopbackHost } = context.environment;
  const model = await createModel(subject.model, task, loopbackHost);
  const toolbox = await openToolbox({
    names: subject.tools,
    mcpServers: subject.mcpServers.map((server) =>
      server.url === null ? server : { ...server, url: reachableUrl(server.url, loopbackHost) },
    ),
    skills: subject.skills,
    workspaceRoot,
    environment: { PATH: context.path, HOME: context.home, LANG: "C.UTF-8", ...task.environment },
    keys: task.keys,
    signal,
  });
  try {
    return await takeSteps(walk, model, toolbox);
  } finally {
    await toolbox.close();
  }
}

async function takeSteps(walk: Walk, model: Model, toolbox: Toolbox): Promise<Outcome> {
  const { subject, recorder, mask, secrets, steps, signal, remainingMs } = walk;
  const { message, conversation } = subject;
  const rules = { ...subject, isIdempotent: toolbox.isIdempotent };
  for (;;) {
    if (signal.aborted) throw signal.reason;
    const next = nextStep(rules, { message, conversation, steps });
    if (Array.isArray(next)) {
      const finished = await runToolSteps({ calls: next, toolbox, recorder, signal });
      for (const { step, record } of finished) steps.push({ step, phase: "finished", record });
      continue;
    }
    if (next.kind === "finish") {
      const tokens = countTokens(steps);
      return next.phase === "succeeded"
        ? { phase: "succeeded", output: next.output, tokens }
        : { phase: "failed", error: { code: "EXECUTION_FAILED", message: next.message }, tokens };
    }
    const record = await runModelStep({
      call: next,
      model,
      instructions: withSkills(subject.instructions, subject.skills),
      tools: toolbox.offers,
      answerSchema: subject.answer?.schema ?? null,
      callsBefore: subject.earlierCalls,
      recorder,
      mask,
      secrets,
      signal,
      remainingMs,
    });
    steps.push({ step: next.step, phase: "finished", record });
  }
}
