import type { Json, NodeTask } from "@stigmer/agent-runner/protocol";
import type { Behaviour, Decide } from "./scripted-worker.ts";
import { event, modelStep } from "./scripted-worker.ts";

/**
 * Decides as a workflow whose stages follow each other: the nodes of one run at once, the next stage begins when all of
 * them have ended, and a node that failed fails the whole. Asks again for all that it asked for before.
 */
export function inStages(...stages: string[][]): Decide {
  return ({ input, runs }) => {
    const failed = runs.find(({ phase }) => phase === "failed");
    if (failed?.error !== undefined && failed.error !== null) {
      return { kind: "fail", error: failed.error, node: failed.node };
    }
    let state: { [field: string]: Json } = { ...input };
    let run = 0;
    const asked: { run: number; node: string; iteration: number; state: { [field: string]: Json } }[] = [];
    for (const stage of stages) {
      const before = { ...state };
      for (const node of stage) asked.push({ run: ++run, node, iteration: 1, state: before });
      const ended = runs.slice(run - stage.length, run).filter(({ phase }) => phase === "succeeded");
      if (ended.length < stage.length) return { kind: "run", runs: asked };
      for (const { output } of ended) state = { ...state, ...output };
    }
    return { kind: "finish", output: state };
  };
}

/** Answers a node with one message, which goes into the field of the node's name. */
export const answerNode: Behaviour<NodeTask> = async (task, { deliver }) => {
  const text = `${task.node} of ${Object.keys(task.state).length}`;
  await deliver(
    event(1, 0, "step.started", { kind: "model", node: task.node }),
    event(1, 1, "message.completed", { text, node: task.node }),
    modelStep(1, text),
  );
  return { phase: "succeeded", output: { [task.node]: text }, tokens: { input: 3, output: 2 } };
};
