import type { RunTask } from "./role.ts";

/** The workflow role. It decides what comes next and runs nothing itself; its code is loaded with the first task. */
export const runWorkflowTask: RunTask = async (task, channel, context) => {
  if (task.kind !== "workflow") throw new Error(`the workflow runner was given a task of the kind "${task.kind}"`);
  const { runTurn } = await import("../workflow/run-turn.ts");
  await runTurn(task, channel, context);
};
