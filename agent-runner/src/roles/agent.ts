import type { RunTask } from "./role.ts";

/** The agent role. Its code is loaded with the first task: an idle runner has no use for it and starts faster without. */
export const runAgentTask: RunTask = async (task, channel, context) => {
  if (task.kind !== "agent") {
    const error = { code: "INTERNAL", message: `the agent runner was given a task of the kind "${task.kind}"` };
    await channel.complete({ phase: "failed", error, tokens: { input: 0, output: 0 } });
    return;
  }
  const { runTask } = await import("../agent/run-task.ts");
  await runTask(task, channel, context);
};
