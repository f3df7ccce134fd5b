import { parseCondition, pathsOf } from "../../workflow/condition.ts";
import { ConditionMistake } from "../../workflow/condition-tokens.ts";
import { parsePath } from "../../workflow/state-path.ts";
import { typeText } from "../../workflow/value-type.ts";
import type { Path } from "../field-path.ts";
import { nearestName } from "../nearest.ts";
import type { Report, ReportMissing } from "../report.ts";
import type { StatePath, WorkflowEdge } from "../workflow-definition.ts";
import type { Link } from "./graph.ts";
import { type KnownFields, resolvePath } from "./known-fields.ts";
import type { WrittenEdge } from "./workflow-schema.ts";

const KINDS = ["to", "routes", "loop"] as const;

export interface EdgeContext {
  ids: readonly string[];
  known: KnownFields;
  report: Report;
  reportMissing: ReportMissing;
}

export interface ReadEdges {
  edges: WorkflowEdge[];
  /** Where they lead, with every misspelt end as it was meant and every unknown one at END, so that one mistake is told once. */
  links: Link[];
}

export function readEdges(written: readonly WrittenEdge[], context: EdgeContext): ReadEdges {
  const read = written.map((edge, index) => {
    const path = ["edges", index];
    const from = checkEnd(edge.from, [...path, "from"], "START", context);
    if (edge.from !== "" && written.findIndex((other) => other.from === edge.from) < index) {
      const message = `a second edge from "${from}": a fork is one edge with a list, to: [a, b]`;
      context.report([...path, "from"], message);
    }
    return readEdge(edge, from, path, context);
  });
  return { edges: read.map(({ edge }) => edge), links: read.flatMap(({ links }) => links) };
}

interface ReadEdge {
  edge: WorkflowEdge;
  links: Link[];
}

function readEdge(written: WrittenEdge, from: string, path: Path, context: EdgeContext): ReadEdge {
  const kinds = KINDS.filter((kind) => written[kind] !== undefined);
  if (kinds.length === 0) context.reportMissing(path, KINDS, "is required: an edge has one of to, routes and loop");
  if (kinds.length > 1) {
    context.report(path, `an edge has one of to, routes and loop, and this one has ${kinds.join(" and ")}`);
  }
  if (written.routes !== undefined) return readRoutes(written.routes, from, [...path, "routes"], context);
  if (written.loop !== undefined) return readLoop(written.loop, from, [...path, "loop"], context);
  return readNext(written.to ?? "", from, [...path, "to"], context);
}

function readNext(written: string | string[], from: string, path: Path, context: EdgeContext): ReadEdge {
  if (typeof written === "string") {
    const to = checkEnd(written, path, "END", context);
    return { edge: { kind: "next", from, to: [to] }, links: [{ from, to }] };
  }
  const to = written.map((end, index) => {
    const at = [...path, index];
    if (written.length > 1 && end === "END") context.report(at, "END cannot be a branch of a fork");
    if (written.indexOf(end) < index) context.report(at, `names the branch "${end}" a second time`);
    return checkEnd(end, at, "END", context);
  });
  return { edge: { kind: "next", from, to }, links: to.map((end) => ({ from, to: end })) };
}

function readRoutes(
  written: NonNullable<WrittenEdge["routes"]>,
  from: string,
  path: Path,
  context: EdgeContext,
): ReadEdge {
  let defaults = 0;
  const routes = written.map(({ condition: { logic }, to }, index) => {
    const at = [...path, index];
    if (checkLogic(logic, [...at, "condition", "logic"], context)) defaults += 1;
    if (defaults > 1) context.report([...at, "condition", "logic"], "is default a second time");
    return { logic, to: checkEnd(to, [...at, "to"], "END", context) };
  });
  if (defaults === 0) {
    context.report(path, `need one with the logic default: what follows "${from}" when none of them is true?`);
  }
  return { edge: { kind: "routes", from, routes }, links: routes.map(({ to }) => ({ from, to })) };
}

/** @returns whether it is the default. */
function checkLogic(logic: string, path: Path, { known, report }: EdgeContext): boolean {
  if (logic === "") return false;
  try {
    const condition = parseCondition(logic);
    for (const { path: reference } of pathsOf(condition)) {
      const resolved = resolvePath(reference, known);
      if (!resolved.found) report(path, `${JSON.stringify(logic)}: ${resolved.message}`, resolved.suggestion);
    }
    return condition.kind === "default";
  } catch (error) {
    if (!(error instanceof ConditionMistake)) throw error;
    report(path, `${JSON.stringify(logic)} is no condition: ${error.message} (character ${error.position + 1})`);
    return false;
  }
}

function readLoop(
  { max_iterations, condition_field: field, exit_to }: NonNullable<WrittenEdge["loop"]>,
  from: string,
  path: Path,
  context: EdgeContext,
): ReadEdge {
  if (from === "START") context.report([...path, "exit_to"], "START cannot be repeated: a loop begins at a node");
  const condition_field = readLoopField(field, [...path, "condition_field"], context);
  const exit = checkEnd(exit_to, [...path, "exit_to"], "END", context);
  const isEndless = exit === from && exit_to !== "";
  if (isEndless) context.report([...path, "exit_to"], `must lead out of the loop, not to "${from}"`);
  return {
    edge: { kind: "loop", from, max_iterations, condition_field, exit_to: exit },
    links: [{ from, to: isEndless ? "END" : exit }],
  };
}

function readLoopField(text: string, path: Path, { known, report }: EdgeContext): StatePath {
  const reference = parsePath(text)?.path;
  if (reference === undefined) {
    if (text !== "") report(path, `must be a field of the state, not ${JSON.stringify(text)}`);
    return [];
  }
  const resolved = resolvePath(reference, known);
  if (!resolved.found) report(path, resolved.message, resolved.suggestion);
  else if (resolved.type !== null && resolved.type.kind !== "bool") {
    report(path, `must be a bool, and "${text}" is ${typeText(resolved.type)}`);
  }
  return reference;
}

/** @returns the node that is meant; for an unknown one, which is told, one that makes no other mistake of it. */
function checkEnd(end: string, path: Path, reserved: "START" | "END", { ids, report }: EdgeContext): string {
  if (end === reserved || ids.includes(end)) return end;
  const fallback = reserved === "END" ? "END" : end;
  // The schema told that this is no text, or that an id is missing, which may be this one.
  if (end === "") return fallback;
  if (ids.length === 0 || ids.includes("")) return end;
  if (end === "START" || end === "END") {
    report(path, end === "END" ? "END is the end: no edge leaves it" : "START is the beginning: no edge leads to it");
    return fallback;
  }
  const nearest = nearestName(end, [...ids, reserved]);
  report(path, `there is no node "${end}"`, nearest);
  return nearest ?? fallback;
}
