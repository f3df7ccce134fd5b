import type { WorkflowEdge } from "../definitions/workflow-definition.ts";
import { type Condition, parseCondition } from "./condition.ts";
import { evaluateCondition } from "./evaluate-condition.ts";
import { END } from "./flow-graph.ts";
import { readPath, type State } from "./state-path.ts";

/** What a branch does that is done with a node: it runs the node once more, or goes on to all of these. */
export type Way = { kind: "repeat" } | { kind: "go"; to: string[] };

export interface Departure {
  from: string;
  state: State;
  /** How often the branch has run the node since it came to it. */
  runs: number;
}

/** Where edges lead with a state. The logic of routes is parsed once. */
export interface EdgeFollower {
  /** A node without edges leads to END. */
  follow(departure: Departure): Way;
}

type Leaving = Exclude<WorkflowEdge, { kind: "routes" }> | { kind: "routes"; routes: ParsedRoute[] };

interface ParsedRoute {
  condition: Condition;
  to: string;
}

export function createEdgeFollower(edges: readonly WorkflowEdge[]): EdgeFollower {
  const leaving = new Map<string, Leaving[]>();
  for (const edge of edges) leaving.set(edge.from, [...(leaving.get(edge.from) ?? []), parseLogic(edge)]);
  return {
    follow({ from, state, runs }) {
      const to: string[] = [];
      for (const edge of leaving.get(from) ?? []) {
        if (edge.kind === "next") to.push(...edge.to);
        else if (edge.kind === "routes") to.push(chooseRoute(edge.routes, state));
        else if (runs < edge.max_iterations && readPath(state, edge.condition_field) !== true) {
          return { kind: "repeat" };
        } else to.push(edge.exit_to);
      }
      return { kind: "go", to: to.length === 0 ? [END] : [...new Set(to)] };
    },
  };
}

function parseLogic(edge: WorkflowEdge): Leaving {
  if (edge.kind !== "routes") return edge;
  return { kind: "routes", routes: edge.routes.map(({ logic, to }) => ({ condition: parseCondition(logic), to })) };
}

/** `default` stands wherever its author put it, and is taken last. */
function chooseRoute(routes: readonly ParsedRoute[], state: State): string {
  const byLogic = routes.find(({ condition }) => condition.kind !== "default" && evaluateCondition(condition, state));
  const chosen = byLogic ?? routes.find(({ condition }) => condition.kind === "default");
  if (chosen === undefined) throw new Error("routes without a default passed the validation");
  return chosen.to;
}
