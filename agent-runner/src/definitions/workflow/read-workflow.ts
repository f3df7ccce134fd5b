import { z } from "zod";
import { explainIssue } from "../explain-issue.ts";
import type { Path } from "../field-path.ts";
import type { Report, ReportMissing } from "../report.ts";
import type { WorkflowDefinition } from "../workflow-definition.ts";
import { readEdges } from "./edges.ts";
import { checkGraph } from "./graph.ts";
import { ignoredKeys } from "./ignored-keys.ts";
import { lostKeys } from "./lost-keys.ts";
import { readSharedModel } from "./node-model.ts";
import { readNode } from "./nodes.ts";
import { readStateFields } from "./state-fields.ts";
import { tolerant } from "./tolerant.ts";
import { type WrittenNode, type WrittenWorkflow, workflowSchema } from "./workflow-schema.ts";

const tolerantSchema = tolerant(workflowSchema);

/** Where mistakes and warnings of one document go. */
export interface Findings {
  /** A mistake within an edge, a route, a loop, a node or a field, or elsewhere. */
  report: Report;
  /** A key that is unknown. */
  reportKey: Report;
  /** Something that has no effect. */
  warn: Report;
}

/**
 * Makes a definition of a document in the written form, or tells everything that is wrong with it: first what the schema
 * sees, then what is left when that is taken away.
 */
export function readWorkflow(data: unknown, { report, reportKey, warn }: Findings): WorkflowDefinition | null {
  const told: Path[] = [];
  let mistakes = 0;
  const isTold = (path: Path): boolean => told.some((above) => above.every((part, at) => part === path[at]));
  const once =
    (tell: Report): Report =>
    (path, message, suggestion = null) => {
      if (isTold(path)) return;
      tell(path, message, suggestion);
      mistakes += 1;
    };
  for (const path of lostKeys(data)) {
    once(reportKey)(path, "__proto__ cannot be a key");
    told.push(path);
  }
  const { data: valid, error } = workflowSchema.safeParse(data);
  const explained = (error?.issues ?? []).flatMap((issue) => explainIssue(workflowSchema, data, issue));
  // Unknown keys first: one that is misspelt is not missing besides.
  explained.sort((left, right) => Number(right.isUnknownKey) - Number(left.isUnknownKey));
  for (const { path, message, suggestion, isUnknownKey } of explained) {
    once(isUnknownKey ? reportKey : report)(path, message, suggestion);
    told.push(path);
    if (suggestion !== null && isUnknownKey) told.push([...path.slice(0, -1), suggestion]);
  }
  const reportMissing: ReportMissing = (path, keys, message) => {
    if (!keys.some((key) => isTold([...path, key]))) once(report)([...path, keys[0]], message);
  };
  const workflow = toDefinition(valid ?? readTolerantly(data), { report: once(report), reportMissing, warn });
  return mistakes === 0 ? workflow : null;
}

type Tellers = Pick<Findings, "report" | "warn"> & { reportMissing: ReportMissing };

function toDefinition(written: WrittenWorkflow, { report, reportMissing, warn }: Tellers): WorkflowDefinition {
  for (const path of ignoredKeys(written)) warn(path, "is ignored: it means nothing here");
  const { fields, known } = readStateFields(written.state, report);
  const shared = readSharedModel(written.config.llm, report);
  checkIds(written.nodes, report);
  const nodes = written.nodes.map((node, index) =>
    readNode(node, { path: ["nodes", index], known, shared, report, reportMissing, warn }),
  );
  const ids = nodes.map(({ id }) => id);
  const { edges, links } = readEdges(written.edges, { ids, known, report, reportMissing });
  if (written.edges.length > 0) checkGraph(ids, links, report);
  const { name, description, version } = written.flow;
  return {
    schema_version: "1.0",
    flow: { name, description, version },
    state: { fields },
    nodes,
    edges,
    config: { llm: shared, execution: written.config.execution },
  };
}

function checkIds(nodes: readonly WrittenNode[], report: Report): void {
  const seen = new Set<string>();
  for (const [index, { id }] of nodes.entries()) {
    const path = ["nodes", index, "id"];
    if (id === "START" || id === "END" || id === "__proto__") report(path, `"${id}" is reserved: choose another id`);
    if (id !== "" && seen.has(id)) report(path, `names the node "${id}" a second time`);
    seen.add(id);
  }
}

function readTolerantly(data: unknown): WrittenWorkflow {
  // The tolerant schema was made of the strict one and has its shape; it takes everything.
  return z.parse(tolerantSchema, data) as WrittenWorkflow;
}
