import type { Decision, Json, NodeRun } from "@stigmer/agent-runner/protocol";
import type { WorkflowDefinition, WorkflowEdge } from "../../agent-runner/src/definitions/workflow-definition.ts";
import { advance } from "../../agent-runner/src/workflow/advance.ts";

type Written = { [field: string]: Json };

/** What a node gives back; `state` is what its run was asked with. */
export type Results = (run: { node: string; iteration: number; state: Written }) => Written | Error;

export interface Flow {
  /** Each decision in words, e.g. `run 1 a` or `finish {"x":1}`. */
  told: string[];
  runs: NodeRun[];
  last: Decision;
}

export interface WalkOptions {
  input?: Written;
  results?: Results;
  /** Which of this many open runs end before the next turn. */
  end?: (open: number) => number[];
}

/** A workflow of these edges; its nodes are those that the edges name. The interpreter looks at no type. */
export function workflow(edges: WorkflowEdge[], fields: readonly string[] = []): WorkflowDefinition {
  const ends = edges.flatMap((edge) => [edge.from, ...targetsOf(edge)]);
  const ids = [...new Set(ends)].filter((id) => id !== "START" && id !== "END");
  const field = () => ({ type: { kind: "str" as const }, required: false, description: null, default: null });
  return {
    schema_version: "1.0",
    flow: { name: "flow", description: null, version: null },
    state: { fields: Object.fromEntries(fields.map((name) => [name, field()])) },
    nodes: ids.map((id) => ({
      id,
      name: null,
      description: null,
      prompt: "Go.",
      agent: null,
      inputs: {},
      output: null,
      outputs: [],
      tools: [],
      llm: null,
    })),
    edges,
    config: { llm: null, execution: { timeout: 120, max_retries: 3 } },
  };
}

/** `next("a", "b", "c")`: from `a` to both, a fork. */
export function next(from: string, ...to: string[]): WorkflowEdge {
  return { kind: "next", from, to };
}

export function routes(from: string, ways: { [logic: string]: string }): WorkflowEdge {
  return { kind: "routes", from, routes: Object.entries(ways).map(([logic, to]) => ({ logic, to })) };
}

export function loop(from: string, max: number, field: string, exit: string): WorkflowEdge {
  return { kind: "loop", from, max_iterations: max, condition_field: field.split("."), exit_to: exit };
}

/** Plays the server: stores what each turn asks for, ends runs, and makes the next turn, until the flow is over. */
export function walk(definition: WorkflowDefinition, options: WalkOptions = {}): Flow {
  const { input = {}, results = () => ({}), end = () => [0] } = options;
  const runs: NodeRun[] = [];
  const states = new Map<number, Written>();
  const told: string[] = [];
  for (;;) {
    const decision = advance(definition, input, structuredClone(runs));
    told.push(inWords(decision));
    if (decision.kind !== "run") return { told, runs, last: decision };
    for (const { run, node, iteration, state } of decision.runs) {
      runs.push({ run, node, iteration, phase: "open", output: null, error: null });
      states.set(run, state);
    }
    const open = runs.filter(({ phase }) => phase === "open");
    if (open.length === 0) throw new Error(`the flow stands still after ${told.join(", ")}`);
    for (const index of end(open.length)) {
      const run = open[index];
      if (run === undefined) continue;
      const result = results({ ...run, state: states.get(run.run) ?? {} });
      if (result instanceof Error) {
        Object.assign(run, { phase: "failed", error: { code: "EXECUTION_FAILED", message: result.message } });
      } else Object.assign(run, { phase: "succeeded", output: result });
    }
  }
}

function inWords(decision: Decision): string {
  switch (decision.kind) {
    case "run":
      if (decision.runs.length === 0) return "wait";
      return decision.runs
        .map(({ run, node, iteration }) => `run ${run} ${node}${iteration === 1 ? "" : ` ${iteration}`}`)
        .join(", ");
    case "finish":
      return `finish ${JSON.stringify(decision.output)}`;
    case "fail":
      return `fail ${decision.node}: ${decision.error.code}: ${decision.error.message}`;
  }
}

function targetsOf(edge: WorkflowEdge): string[] {
  if (edge.kind === "next") return edge.to;
  return edge.kind === "routes" ? edge.routes.map(({ to }) => to) : [edge.exit_to];
}
