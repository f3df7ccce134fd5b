import type { Report } from "../report.ts";

/** From a node or START to a node or END. */
export interface Link {
  from: string;
  to: string;
}

/** Every node can be reached from START and can reach END; otherwise it never runs, or the workflow never ends. */
export function checkGraph(ids: readonly string[], links: readonly Link[], report: Report): void {
  if (!links.some(({ from }) => from === "START")) {
    report(["edges"], "need one from START: where does the workflow begin?");
    return;
  }
  // Reserved and missing ids, and those given twice, are told elsewhere.
  const nodes = ids.map((id, index) => ({ id, path: ["nodes", index] }));
  const own = nodes.filter(({ id, path }) => !RESERVED.includes(id) && path[1] === ids.indexOf(id));
  const begun = reach("START", links);
  for (const { id, path } of own) {
    if (!begun.has(id)) report(path, `the node "${id}" cannot be reached from START`);
  }
  const reached = own.filter(({ id }) => begun.has(id));
  const dead = reached.filter(({ id }) => !links.some(({ from }) => from === id));
  for (const { id, path } of dead) report(path, `the node "${id}" cannot reach END: no edge leaves it`);
  // Whatever leads to a dead end is right once that is: only circles without an exit are left.
  const ends = dead.map(({ id }) => ({ from: id, to: "END" }));
  const ending = reach("END", [...links, ...ends].map(turn));
  for (const { id, path } of reached) {
    if (!ending.has(id)) report(path, `the node "${id}" cannot reach END`);
  }
}

const RESERVED = ["START", "END", "__proto__", ""];

function turn({ from, to }: Link): Link {
  return { from: to, to: from };
}

function reach(start: string, links: readonly Link[]): Set<string> {
  const reached = new Set([start]);
  // A set is walked in the order of insertion, what is added on the way included.
  for (const here of reached) {
    for (const { from, to } of links) if (from === here) reached.add(to);
  }
  return reached;
}
