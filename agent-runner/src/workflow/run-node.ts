import { carryOut, type Prepared } from "../agent/carry-out.ts";
import { ExecutionFailure } from "../agent/execution-failure.ts";
import type { AgentDefinition } from "../definitions/agent-schema.ts";
import { parseDurationMs } from "../definitions/duration.ts";
import type { WorkflowDefinition } from "../definitions/workflow-definition.ts";
import type { NodeTask } from "../protocol/messages.ts";
import type { RoleContext } from "../roles/role.ts";
import type { TaskChannel } from "../session/task-channel.ts";
import { nodeSubject } from "./node-subject.ts";

/** Runs a node of a workflow from its last recorded step to its end; the outcome's output are its fields' values. */
export async function runNode(task: NodeTask, channel: TaskChannel, context: RoleContext): Promise<void> {
  const { executionId, node, run } = task;
  await carryOut({
    task,
    channel,
    context,
    name: `execution ${executionId}, node ${node} (run ${run})`,
    eventData: { node },
    prepare: () => prepare(task),
  });
}

function prepare({ definition, node: id, state, earlierCalls }: NodeTask): Prepared {
  // `apply` validated them, and the server and its runners are of one version.
  const workflow = definition.workflow as unknown as WorkflowDefinition;
  const node = workflow.nodes.find((candidate) => candidate.id === id);
  if (node === undefined) throw new Error(`the workflow has no node "${id}"`);
  const agent = node.agent === null ? null : agentNamed(definition.agents, node.agent);
  return {
    subject: nodeSubject({ workflow, node, agent, state, earlierCalls }),
    ownLimit: agent === null ? null : limitOf(agent),
  };
}

function agentNamed(agents: NodeTask["definition"]["agents"], name: string): AgentDefinition {
  const agent = Object.hasOwn(agents, name) ? agents[name] : undefined;
  if (agent === undefined) throw new Error(`the workflow was kept without its agent "${name}"`);
  return agent as unknown as AgentDefinition;
}

function limitOf({ metadata, spec }: AgentDefinition): Prepared["ownLimit"] {
  const { timeout } = spec.limits;
  const ms = timeout === null ? null : parseDurationMs(timeout);
  if (ms === null) return null;
  const message = `the agent ${metadata.name} did not come to an end within ${timeout} (limits.timeout)`;
  return { ms, failure: new ExecutionFailure("EXECUTION_FAILED", message) };
}
