/**
 * The workflow interpreter (engine.md §4): a pure function from a workflow, its input and the node runs so far to what
 * comes next. It keeps nothing between turns; each turn replays the flow from START with the results that are known.
 *
 * A workflow is walked by branches. There is one at first; a fork parts a branch into one for each of its targets. A
 * branch stands before a node, runs it, or has come to END. A node that edges of several nodes lead to is a join: it is
 * entered as soon as no other branch can still come to it, and all branches that stand before it enter as one. A branch
 * whose routes lead past a join, or to END, can no longer come there, so nothing waits for it. "Can still come" looks at
 * the edges, not at what the routes will say, and only at the present round of the loops around the node: a branch that
 * went back to the head of a loop waits there until all that began the round have come or left (flow-graph.ts). Any
 * other node is entered at once, by each branch for itself.
 *
 * Nothing here depends on the order in which runs end. Which branches join, what a state is and which run of a node is
 * which follow from results alone: the runs of one node come one after the other, so that its name and its iteration
 * are the identity of a run. Only run numbers are given as branches happen to get on.
 */
import type { WorkflowDefinition } from "../definitions/workflow-definition.ts";
import type { Decision, Json, NodeRun } from "../protocol/messages.ts";
import { BranchState } from "./branch-state.ts";
import { END, type FlowGraph, readFlowGraph, START } from "./flow-graph.ts";
import { createEdgeFollower, type EdgeFollower } from "./follow-edges.ts";
import { initialState } from "./inputs.ts";

/** Routes may go round without an end; the time limit would end that too, but only after it has cost a lot. */
export const MOST_RUNS = 5_000;

/** @param input checked by the types of the state's fields. */
export function advance(workflow: WorkflowDefinition, input: { [field: string]: Json }, runs: NodeRun[]): Decision {
  const failed = runs.find(({ phase }) => phase === "failed");
  if (failed !== undefined) {
    const error = failed.error ?? { code: "INTERNAL", message: "the node failed without a reason" };
    return { kind: "fail", error, node: failed.node };
  }
  return new Replay(workflow, input, runs).decide();
}

interface Branch {
  place:
    | { kind: "before"; node: string; arrival: number }
    /** `runs`: how often this branch has run the node since it entered, the present run included. */
    | { kind: "running"; node: string; iteration: number; runs: number }
    | { kind: "ended" };
  state: BranchState;
}

type NewRun = Extract<Decision, { kind: "run" }>["runs"][number];

class Replay {
  readonly #edges: EdgeFollower;
  readonly #graph: FlowGraph;
  readonly #known: Map<string, NodeRun>;
  readonly #fieldNames: string[];
  readonly #iterations = new Map<string, number>();
  readonly #newRuns: NewRun[] = [];
  #lastRun: number;
  #arrivals = 0;
  /** In the order in which the forks name them; a joined branch stands where the last of its parts stood. */
  #branches: Branch[];

  constructor(workflow: WorkflowDefinition, input: { [field: string]: Json }, runs: NodeRun[]) {
    this.#edges = createEdgeFollower(workflow.edges);
    this.#graph = readFlowGraph(workflow.edges);
    this.#known = new Map(runs.map((run) => [identify(run.node, run.iteration), run]));
    this.#fieldNames = Object.keys(workflow.state.fields);
    this.#lastRun = Math.max(0, ...runs.map(({ run }) => run));
    const state = BranchState.begin(initialState(workflow.state.fields, input));
    this.#branches = this.#goOn(state, START, 0);
  }

  decide(): Decision {
    // Comes to an end: every round needs a result that is known.
    while (this.#finishRun() || this.#enterNode());
    if (this.#lastRun > MOST_RUNS) return tooManyRuns();
    if (this.#branches.some(({ place }) => place.kind === "running")) return { kind: "run", runs: this.#newRuns };
    const [first, ...others] = this.#branches;
    if (first === undefined) throw new Error("a workflow lost all of its branches");
    for (const other of others) first.state.join(other.state);
    return { kind: "finish", output: first.state.values(this.#fieldNames) };
  }

  /** Moves one branch on whose run has ended. @returns whether there was one. */
  #finishRun(): boolean {
    for (const [index, { place, state }] of this.#branches.entries()) {
      if (place.kind !== "running") continue;
      const { node, iteration, runs } = place;
      const key = identify(node, iteration);
      const run = this.#known.get(key);
      if (run?.phase !== "succeeded") continue;
      state.write(key, run.output ?? {});
      this.#branches.splice(index, 1, ...this.#goOn(state, node, runs));
      return true;
    }
    return false;
  }

  /** The branches that one becomes when it leaves a node, or itself when it runs the node again. */
  #goOn(state: BranchState, from: string, runs: number): Branch[] {
    const way = this.#edges.follow({ from, state: state.values(this.#fieldNames), runs });
    if (way.kind === "repeat") return [this.#run(from, state, runs + 1)];
    return way.to.map((node) => ({
      place: node === END ? { kind: "ended" } : { kind: "before", node, arrival: ++this.#arrivals },
      state: way.to.length === 1 ? state : state.fork(),
    }));
  }

  /** Lets the branches that stand before one node enter it. @returns whether there was such a node. */
  #enterNode(): boolean {
    const nodes = this.#branches.flatMap(({ place }) => (place.kind === "before" ? [place.node] : []));
    const node = nodes.find((candidate) => this.#mayEnter(candidate)) ?? this.#firstOfStuck(nodes);
    if (node === undefined) return false;
    const joining = this.#entering(node);
    const [first, ...others] = joining.map(({ state }) => state);
    if (first === undefined) return false;
    for (const other of others) first.join(other);
    const last = joining.at(-1);
    this.#branches = this.#branches.flatMap((branch) => {
      if (branch === last) return [this.#run(node, first, 1)];
      return joining.includes(branch) ? [] : [branch];
    });
    return true;
  }

  /** All that stand before a join; else the one that came first. */
  #entering(node: string): Branch[] {
    const arrivalOf = ({ place }: Branch) => (place.kind === "before" && place.node === node ? place.arrival : null);
    const waiting = this.#branches.filter((branch) => arrivalOf(branch) !== null);
    if (this.#graph.isJoin(node)) return waiting;
    return waiting.sort((left, right) => (arrivalOf(left) ?? 0) - (arrivalOf(right) ?? 0)).slice(0, 1);
  }

  #mayEnter(node: string): boolean {
    if (this.#branches.some(({ place }) => place.kind === "running" && place.node === node)) return false;
    if (!this.#graph.isJoin(node)) return true;
    const coming = this.#graph.comingTo(node);
    return !this.#branches.some(({ place }) => {
      if (place.kind === "ended" || !coming.has(place.node)) return false;
      return place.kind === "running" || !(place.node === node || this.#graph.isInLoopOf(place.node, node));
    });
  }

  /**
   * No two nodes wait for each other (docs/adr/0006-joins-by-reachability.md). Should edges into the middle of loops ever
   * make a longer circle, the node that comes first in the graph is entered when nothing runs any more: everything has
   * ended by then, so that this too depends on no order.
   */
  #firstOfStuck(nodes: string[]): string | undefined {
    if (this.#branches.some(({ place }) => place.kind === "running")) return undefined;
    return nodes.sort((left, right) => this.#graph.order(left) - this.#graph.order(right))[0];
  }

  #run(node: string, state: BranchState, runs: number): Branch {
    const iteration = (this.#iterations.get(node) ?? 0) + 1;
    this.#iterations.set(node, iteration);
    if (!this.#known.has(identify(node, iteration))) {
      this.#lastRun += 1;
      this.#newRuns.push({ run: this.#lastRun, node, iteration, state: state.values(this.#fieldNames) });
    }
    return { place: { kind: "running", node, iteration, runs }, state };
  }
}

function identify(node: string, iteration: number): string {
  return `${iteration} ${node}`;
}

function tooManyRuns(): Decision {
  const message = `the workflow did not come to an end within ${MOST_RUNS} node runs: its routes go round`;
  return { kind: "fail", error: { code: "EXECUTION_FAILED", message }, node: null };
}
