import type {
  Decision,
  Delivery,
  Json,
  KeptWorkflow,
  NodeRun,
  NodeTask,
  Outcome,
} from "@stigmer/agent-runner/protocol";
import type { WorkflowDefinition } from "../../agent-runner/src/definitions/workflow-definition.ts";
import type { RoleContext } from "../../agent-runner/src/roles/role.ts";
import type { TaskChannel } from "../../agent-runner/src/session/task-channel.ts";
import { advance } from "../../agent-runner/src/workflow/advance.ts";
import { runNode } from "../../agent-runner/src/workflow/run-node.ts";

export interface Played {
  /** `node started: write`, `message.completed: write`, `node succeeded: write`, in the order in which it happened. */
  told: string[];
  runs: NodeRun[];
  last: Exclude<Decision, { kind: "run" }>;
}

/** Runs a whole workflow in this process with no server at all, as a generated deployment does. */
export async function playWorkflow(
  definition: KeptWorkflow,
  input: { [field: string]: Json },
  context: RoleContext,
): Promise<Played> {
  const workflow = definition.workflow as unknown as WorkflowDefinition;
  const told: string[] = [];
  const runs: NodeRun[] = [];
  const calls = new Map<string, number>();
  const open = new Set<Promise<void>>();
  for (;;) {
    const decision = advance(workflow, input, runs);
    if (decision.kind !== "run") return { told, runs, last: decision };
    for (const { run, node, iteration, state } of decision.runs) {
      const record: NodeRun = { run, node, iteration, phase: "open", output: null, error: null };
      runs.push(record);
      told.push(`node started: ${node}`);
      const task = nodeTask({ definition, run, node, iteration, state, earlierCalls: calls.get(node) ?? 0 });
      const channel = createChannel((item) => {
        if (item.kind === "event") told.push(`${item.type}: ${String(item.data["node"])}`);
        else if (item.phase === "finished" && item.record.kind === "model") {
          calls.set(node, (calls.get(node) ?? 0) + 1);
        }
      });
      const done = runNode(task, channel, context).then(() => {
        end(record, channel.outcome());
        told.push(`node ${record.phase}: ${node}`);
        open.delete(done);
      });
      open.add(done);
    }
    await Promise.race(open);
  }
}

function nodeTask(
  run: Pick<NodeTask, "definition" | "run" | "node" | "iteration" | "state" | "earlierCalls">,
): NodeTask {
  return {
    kind: "node",
    taskId: `task-${run.run}`,
    leaseId: `lease-${run.run}`,
    attempt: 1,
    executionId: "played",
    defaults: { provider: "scripted", model: "none", baseUrl: null, apiKeyEnv: null },
    steps: [],
    environment: {},
    keys: {},
    secrets: [],
    remainingMs: 60_000,
    ...run,
  };
}

function createChannel(receive: (item: Delivery) => void): TaskChannel & { outcome(): Outcome } {
  let outcome: Outcome | null = null;
  return {
    signal: new AbortController().signal,
    deliver: (...items) => items.forEach(receive),
    delivered: async () => {},
    complete: async (given) => {
      outcome = given;
    },
    outcome() {
      if (outcome === null) throw new Error("the run ended without an outcome");
      return outcome;
    },
  };
}

function end(record: NodeRun, outcome: Outcome): void {
  if (outcome.phase === "succeeded") {
    Object.assign(record, { phase: "succeeded", output: outcome.output });
  } else if (outcome.phase === "failed") {
    Object.assign(record, { phase: "failed", error: outcome.error });
  } else throw new Error(`the run of ${record.node} ended as ${outcome.phase}`);
}
