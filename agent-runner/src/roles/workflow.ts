import type { RunTask } from "./role.ts";

/** The workflow role polls its queue; no task is put there before workflows are part of the product. */
export const runWorkflowTask: RunTask = async (task, channel) => {
  await channel.complete({
    phase: "failed",
    error: { code: "INTERNAL", message: `the workflow runner was given a task of the kind "${task.kind}"` },
    tokens: { input: 0, output: 0 },
  });
};
