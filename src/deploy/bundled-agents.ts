/** The agents that a workflow's nodes name, taken out of what `--agents DIR` holds. Pure. */
import { nearestName } from "@stigmer/agent-runner/nearest";
import type { Json } from "@stigmer/agent-runner/protocol";
import type { DefinitionIssue } from "../errors.ts";
import type { AgentNeeds } from "./needed-variables.ts";
import { type AgentMention, invalid } from "./read-workflow.ts";

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
 * @param file is named in messages.
 * @throws AppError DEFINITION_INVALID for each node whose agent is not there.
 */
export function bundleAgents(
  mentions: readonly AgentMention[],
  { directory, known }: AgentSource,
  file: string,
): { [name: string]: StoredAgent } {
  const bundled: [string, StoredAgent][] = [];
  const issues: DefinitionIssue[] = [];
  for (const { agent, field, line } of mentions) {
    const definition = known !== null && Object.hasOwn(known, agent) ? known[agent] : undefined;
    if (definition !== undefined) {
      bundled.push([agent, definition]);
      continue;
    }
    const suggestion = known === null ? null : nearestName(agent, Object.keys(known));
    const why = known === null ? "say where its definition is: --agents DIR" : `it is not in ${directory}`;
    issues.push({ file, line, field, message: `the node needs the agent "${agent}": ${why}`, suggestion });
  }
  if (issues.length > 0) throw invalid(file, issues);
  return Object.fromEntries(bundled.sort(([left], [right]) => (left < right ? -1 : 1)));
}
