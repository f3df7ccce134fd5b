import type { WorkflowDefinition } from "../definitions/workflow-definition.ts";
import type { Log } from "../log.ts";
import type { Decision, WorkflowTask } from "../protocol/messages.ts";
import type { TurnChannel } from "../session/task-channel.ts";
import { advance } from "./advance.ts";

/** One turn of a workflow. @throws only for a bug: whatever can be wrong with a workflow is a decision. */
export async function runTurn(task: WorkflowTask, channel: TurnChannel, { log }: { log: Log }): Promise<void> {
  // `apply` validated it, and the server and its runners are of one version.
  const workflow = task.definition.workflow as unknown as WorkflowDefinition;
  const decision = advance(workflow, task.input, task.runs);
  log.info(`execution ${task.executionId}: ${inWords(decision)}`);
  await channel.advance(decision);
}

function inWords(decision: Decision): string {
  switch (decision.kind) {
    case "run":
      if (decision.runs.length === 0) return "waits for its other branches";
      return `begins ${decision.runs.map(({ run, node }) => `${node} (run ${run})`).join(", ")}`;
    case "finish":
      return "succeeded";
    case "fail":
      return `failed${decision.node === null ? "" : ` at ${decision.node}`}: ${decision.error.message}`;
  }
}
