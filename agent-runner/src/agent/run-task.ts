import type { AgentDefinition } from "../definitions/agent-schema.ts";
import { chooseModel } from "../definitions/model-choice.ts";
import type { AgentTask } from "../protocol/messages.ts";
import type { RoleContext } from "../roles/role.ts";
import type { TaskChannel } from "../session/task-channel.ts";
import { carryOut } from "./carry-out.ts";
import { agentSubject } from "./subject.ts";

/** Runs an agent from the last recorded step to its end, and reports the outcome. */
export async function runTask(task: AgentTask, channel: TaskChannel, context: RoleContext): Promise<void> {
  await carryOut({
    task,
    channel,
    context,
    name: `execution ${task.executionId}`,
    eventData: {},
    prepare: (recorder) => {
      // `apply` validated it, and the server and its runners are of one version.
      const definition = task.definition as unknown as AgentDefinition;
      const { provider, name } = chooseModel(definition.spec.model, task.defaults);
      // Step 0 is the execution itself; after a crash this is the same event and counts once.
      recorder.event(0, "execution.started", { provider, model: name });
      return { subject: agentSubject(definition, task), ownLimit: null };
    },
  });
}
