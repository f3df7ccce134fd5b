import type { RunTask } from "./role.ts";

/** The agent role. Its code is loaded with the first task: an idle runner has no use for it and starts faster without. */
export const runAgentTask: RunTask = async (task, channel, context) => {
  switch (task.kind) {
    case "agent": {
      const { runTask } = await import("../agent/run-task.ts");
      return await runTask(task, channel, context);
    }
    case "node": {
      const { runNode } = await import("../workflow/run-node.ts");
      return await runNode(task, channel, context);
    }
    case "workflow":
      throw new Error("the agent runner was given a turn of a workflow");
  }
};
