import type { AgentDefinition } from "../definitions/agent-schema.ts";
import { chooseModel } from "../definitions/model-choice.ts";
import type { Mask } from "../logging/mask.ts";
import { createModel } from "../models/create-model.ts";
import type { Model } from "../models/model.ts";
import { reachableUrl } from "../models/reachable-url.ts";
import type { AgentTask, Outcome } from "../protocol/messages.ts";
import type { RoleContext } from "../roles/role.ts";
import type { TaskChannel } from "../session/task-channel.ts";
import { openToolbox, type Toolbox } from "../tools/toolbox.ts";
import type { RecordedStep } from "./history.ts";
import { withSkills } from "./instructions.ts";
import { runModelStep } from "./model-step.ts";
import { nextStep } from "./next-step.ts";
import { countTokens } from "./outcome.ts";
import { createRecorder, type Recorder } from "./recorder.ts";
import { runToolSteps } from "./tool-step.ts";

export interface Walk {
  task: AgentTask;
  channel: TaskChannel;
  context: RoleContext;
  mask: Mask;
  secrets: readonly string[];
  /** What is recorded so far; grows with each step that ends. */
  steps: RecordedStep[];
  signal: AbortSignal;
}

/** Does what {@link nextStep} says until it says that the agent is done. @throws ExecutionFailure, or the signal's reason. */
export async function walkLoop(walk: Walk): Promise<Outcome> {
  const { task, channel, context, mask, signal } = walk;
  const deadlineAt = performance.now() + task.remainingMs;
  // `apply` validated it, and the server and its runners are of one version.
  const { spec } = task.definition as unknown as AgentDefinition;
  const recorder = createRecorder(channel, mask);
  const { provider, name } = chooseModel(spec.model, task.defaults);
  // Step 0 is the execution itself; after a crash this is the same event and counts once.
  recorder.event(0, "execution.started", { provider, model: name });
  const { workspaceRoot, loopbackHost } = context.environment;
  const model = await createModel(spec.model, task, loopbackHost);
  const toolbox = await openToolbox({
    names: spec.tools,
    mcpServers: spec.mcp_servers.map((server) =>
      server.url === null ? server : { ...server, url: reachableUrl(server.url, loopbackHost) },
    ),
    skills: spec.skills,
    workspaceRoot,
    environment: { PATH: context.path, HOME: context.home, LANG: "C.UTF-8", ...task.environment },
    keys: task.keys,
    signal,
  });
  try {
    return await takeSteps({ walk, spec, recorder, toolbox, model, deadlineAt });
  } finally {
    await toolbox.close();
  }
}

interface StepsOptions {
  walk: Walk;
  spec: AgentDefinition["spec"];
  recorder: Recorder;
  toolbox: Toolbox;
  model: Model;
  /** On the monotonic clock, in milliseconds. */
  deadlineAt: number;
}

async function takeSteps({ walk, spec, recorder, toolbox, model, deadlineAt }: StepsOptions): Promise<Outcome> {
  const { task, mask, secrets, steps, signal } = walk;
  const { message, conversation } = task;
  const rules = { maxSteps: spec.limits.max_steps, isIdempotent: toolbox.isIdempotent };
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
      instructions: withSkills(spec.instructions, spec.skills),
      tools: toolbox.offers,
      recorder,
      mask,
      secrets,
      signal,
      remainingMs: () => deadlineAt - performance.now(),
    });
    steps.push({ step: next.step, phase: "finished", record });
  }
}
