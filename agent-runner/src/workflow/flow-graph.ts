import type { WorkflowEdge } from "../definitions/workflow-definition.ts";

export const START = "START";
export const END = "END";

/** What the edges of a workflow say about where a branch can still come. Computed once a turn, from the definition alone. */
export interface FlowGraph {
  /** Whether edges of more than one node lead to it. */
  isJoin(node: string): boolean;
  /**
   * The nodes from which a branch may still come to `node` in the present round of the loops around it. An edge that
   * goes back to the head of a loop begins the next round of everything in that loop, so it does not count for them.
   */
  comingTo(node: string): ReadonlySet<string>;
  /** Whether `node` is in the loop of edges whose head is `head`: a branch that stands before the head is between rounds. */
  isInLoopOf(head: string, node: string): boolean;
  /** Nodes in an order in which a node comes after all that lead to it, but for edges that go back. */
  order(node: string): number;
}

interface Edge {
  from: string;
  to: string;
}

export function readFlowGraph(workflowEdges: readonly WorkflowEdge[]): FlowGraph {
  const edges = workflowEdges.flatMap(listTargets);
  const leaving = groupBy(edges, ({ from }) => from);
  const arriving = groupBy(edges, ({ to }) => to);
  const order = orderNodes(leaving);
  // An edge goes back when it leads to a node that is not later in the order.
  const goesBack = ({ from, to }: Edge) => (order.get(to) ?? 0) <= (order.get(from) ?? 0);
  const loops = findLoops(edges.filter(goesBack), { leaving, arriving });
  const isInLoopOf = (head: string, node: string) => loops.get(head)?.has(node) ?? false;
  const known = new Map<string, ReadonlySet<string>>();

  const find = (node: string): ReadonlySet<string> => {
    const loop = loops.get(node) ?? [];
    const counts = (edge: Edge) => !goesBack(edge) || !isInLoopOf(edge.to, node);
    const before = (at: string) => (arriving.get(at) ?? []).filter(counts).map(({ from }) => from);
    return new Set([...loop, ...reach([node, ...loop], before)]);
  };
  return {
    isJoin: (node) => new Set(arriving.get(node)?.map(({ from }) => from)).size > 1,
    comingTo(node) {
      const coming = known.get(node) ?? find(node);
      known.set(node, coming);
      return coming;
    },
    isInLoopOf,
    order: (node) => order.get(node) ?? 0,
  };
}

/** Repeats of a `loop` edge are no edges here: the branch stays where it is. */
function listTargets(edge: WorkflowEdge): Edge[] {
  switch (edge.kind) {
    case "next":
      return edge.to.map((to) => ({ from: edge.from, to }));
    case "routes":
      return edge.routes.map(({ to }) => ({ from: edge.from, to }));
    case "loop":
      return [{ from: edge.from, to: edge.exit_to }];
  }
}

/** Reverse postorder of a depth-first walk from START; without recursion, since a chain may be long. */
function orderNodes(leaving: ReadonlyMap<string, Edge[]>): Map<string, number> {
  const visited = new Set([START]);
  const finished: string[] = [];
  const path = [{ node: START, next: 0 }];
  for (let at = path.at(-1); at !== undefined; at = path.at(-1)) {
    const edge = leaving.get(at.node)?.[at.next];
    at.next += 1;
    if (edge === undefined) {
      finished.push(at.node);
      path.pop();
    } else if (!visited.has(edge.to)) {
      visited.add(edge.to);
      path.push({ node: edge.to, next: 0 });
    }
  }
  return new Map(finished.reverse().map((node, index) => [node, index]));
}

interface Neighbours {
  leaving: ReadonlyMap<string, Edge[]>;
  arriving: ReadonlyMap<string, Edge[]>;
}

/** The loop of each head: the nodes that an edge back to it can be reached from without passing it, and the head. */
function findLoops(back: readonly Edge[], { leaving, arriving }: Neighbours): Map<string, Set<string>> {
  const loops = new Map<string, Set<string>>();
  for (const [head, closing] of groupBy(back, ({ to }) => to)) {
    const inside = reach([head], (at) => (leaving.get(at) ?? []).map(({ to }) => to));
    const before = (at: string) =>
      at === head ? [] : (arriving.get(at) ?? []).map(({ from }) => from).filter((node) => inside.has(node));
    const ends = closing.map(({ from }) => from);
    loops.set(head, new Set([head, ...ends, ...reach(ends, before)]));
  }
  return loops;
}

/** Everything that is found from `starts` by at least one step. */
function reach(starts: readonly string[], step: (at: string) => string[]): Set<string> {
  const found = new Set<string>();
  const open = [...starts];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const node of step(at)) {
      if (found.has(node)) continue;
      found.add(node);
      open.push(node);
    }
  }
  return found;
}

function groupBy(edges: readonly Edge[], keyOf: (edge: Edge) => string): Map<string, Edge[]> {
  const groups = new Map<string, Edge[]>();
  for (const edge of edges) {
    const key = keyOf(edge);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [edge]);
    else group.push(edge);
  }
  return groups;
}
