import type { RunTask } from "./role.ts";

/** The agent role. Its code is loaded with the first task: an idle runner has no use for it and starts faster without. */
export const runAgentTask: RunTask = async (task, channel, context) => {
  const { runTask } = await import("../agent/run-task.ts");
  await runTask(task, channel, context);
};
