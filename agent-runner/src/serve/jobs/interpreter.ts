import type { Decision, Json, KeptWorkflow, NodeRun, NodeTask } from "../../protocol/messages.ts";
import type { TaskChannel } from "../../session/task-channel.ts";

/** What a node run needs and the job does not know: models, keys, variables. */
export type NodeSurroundings = Pick<NodeTask, "defaults" | "environment" | "keys" | "secrets">;

/** The two halves of the runtime: what comes next, and how a node is run. */
export interface Interpreter {
  advance(workflow: KeptWorkflow, input: { [field: string]: Json }, runs: NodeRun[]): Decision;
  runNode(task: NodeTask, channel: TaskChannel): Promise<void>;
  surroundings(workflow: KeptWorkflow, node: string): NodeSurroundings;
  /** Milliseconds that a job may take in all. */
  limitMs(workflow: KeptWorkflow): number;
}
