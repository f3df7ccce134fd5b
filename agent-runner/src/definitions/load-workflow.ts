import { fieldOf, type Path } from "./field-path.ts";
import type { Report } from "./report.ts";
import { readWorkflow } from "./workflow/read-workflow.ts";
import type { WorkflowDefinition } from "./workflow-definition.ts";

/** A node that runs an agent, which whoever stores the workflow has to know. */
export interface AgentMention {
  agent: string;
  /** `nodes[2].agent`. */
  field: string;
  line: number;
}

export interface LoadedWorkflow {
  workflow: WorkflowDefinition;
  mentions: AgentMention[];
}

export interface WorkflowSource {
  lineAt: (path: Path) => number;
  /** The mistake or the warning at exactly this line. */
  reportAt: (line: number, ...mistake: Parameters<Report>) => void;
  warnAt: (line: number, ...warning: Parameters<Report>) => void;
}

/** Makes a definition of a document, or tells everything that is wrong with it. */
export function loadWorkflow(data: unknown, { lineAt, reportAt, warnAt }: WorkflowSource): LoadedWorkflow | null {
  const workflow = readWorkflow(data, {
    report: (path, ...rest) => reportAt(lineAt(itemOf(path)), path, ...rest),
    reportKey: (path, ...rest) => reportAt(lineAt(path), path, ...rest),
    warn: (path, ...rest) => warnAt(lineAt(path), path, ...rest),
  });
  if (workflow === null) return null;
  const mentions = workflow.nodes.flatMap(({ agent }, index) =>
    agent === null
      ? []
      : [{ agent, field: fieldOf(["nodes", index, "agent"]), line: lineAt(itemOf(["nodes", index])) }],
  );
  return { workflow, mentions };
}

/** The edge, route, loop, node or field that a path leads into: its beginning is the line of the mistake (engine.md §4). */
function itemOf(path: Path): Path {
  const [section, , part, index] = path;
  if (section === "nodes") return path.slice(0, 2);
  if (section === "state") return path.slice(0, 3);
  if (section !== "edges") return path;
  if (part === "loop") return path.slice(0, 3);
  return part === "routes" && typeof index === "number" ? path.slice(0, 4) : path.slice(0, 2);
}
