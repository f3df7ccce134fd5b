/** The agents that a workflow's nodes name, taken out of what `--agents DIR` holds. Pure. */
import type { Json } from "@stigmer/agent-runner/protocol";
import type { WorkflowDefinition } from "@stigmer/agent-runner/workflow-definition";
import { LineCounter, parseDocument } from "yaml";
import { didYouMean } from "../config/nearest.ts";
import type { DefinitionIssue } from "../errors.ts";
import type { AgentNeeds } from "./needed-variables.ts";
import { invalid } from "./read-workflow.ts";

export type StoredAgent = Json & AgentNeeds;

export interface AgentSource {
  /** By name; null when no directory was given. */
  known: { [name: string]: StoredAgent } | null;
  /** As it was typed, for messages. */
  directory: string | null;
}

/**
 * By name, sorted; those that no node names are left out.
 *
 * @throws AppError DEFINITION_INVALID for each node whose agent is not there.
 */
export function bundleAgents(
  workflow: WorkflowDefinition,
  { directory, known }: AgentSource,
  { source, file }: { source: Uint8Array; file: string },
): { [name: string]: StoredAgent } {
  const bundled: [string, StoredAgent][] = [];
  const issues: DefinitionIssue[] = [];
  for (const [index, { agent, id }] of workflow.nodes.entries()) {
    if (agent === null) continue;
    const definition = known !== null && Object.hasOwn(known, agent) ? known[agent] : undefined;
    if (definition !== undefined) bundled.push([agent, definition]);
    else {
      const why =
        known === null
          ? "say where its definition is: --agents DIR"
          : `it is not in ${directory}${didYouMean(agent, Object.keys(known))}`;
      issues.push({
        file,
        line: lineOfNode(source, index),
        field: `nodes[${index}].agent`,
        message: `the node "${id}" needs the agent "${agent}": ${why}`,
        suggestion: null,
      });
    }
  }
  if (issues.length > 0) throw invalid(file, issues);
  return Object.fromEntries(bundled.sort(([left], [right]) => (left < right ? -1 : 1)));
}

function lineOfNode(source: Uint8Array, index: number): number | null {
  const lineCounter = new LineCounter();
  const document = parseDocument(Buffer.from(source).toString(), { lineCounter });
  const node: unknown = document.getIn(["nodes", index], true);
  const range = typeof node === "object" && node !== null && "range" in node ? node.range : null;
  return Array.isArray(range) ? lineCounter.linePos(Number(range[0])).line : null;
}
