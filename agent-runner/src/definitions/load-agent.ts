import { dirname, resolve } from "node:path";
import { type AgentDefinition, agentSchema, type WrittenAgent } from "./agent-schema.ts";
import { explainIssue } from "./explain-issue.ts";
import type { Report } from "./report.ts";
import { readSkill, SkillMistake, type StoredSkill } from "./skills.ts";

/**
 * Makes a definition of a document, or tells everything that is wrong with it.
 * @param file the folders of skills are relative to its own.
 */
export function loadAgent(data: unknown, file: string, report: Report): AgentDefinition | null {
  const result = agentSchema.safeParse(data);
  const issues = result.error?.issues ?? [];
  for (const { path, message, suggestion } of issues.flatMap((issue) => explainIssue(agentSchema, data, issue))) {
    report(path, message, suggestion);
  }
  if (!result.success) return null;
  const agent = result.data;
  if (agent.spec.execution.mode === "sandbox") {
    report(["spec", "execution", "mode"], "sandboxes are not part of this version yet: use mode local");
    return null;
  }
  declareServerVariables(agent.spec);
  const skills = readSkills(agent.spec.skills, dirname(file), report);
  return skills && { ...agent, spec: { ...agent.spec, skills } };
}

/** What an MCP server asks for is a variable of the agent, even where only the server names it; a secret to be safe. */
function declareServerVariables({ env, mcp_servers: servers }: WrittenAgent["spec"]): void {
  for (const name of servers.flatMap((server) => server.env)) {
    if (!env.some((variable) => variable.name === name)) env.push({ name, secret: true, required: false });
  }
}

/** Null when one of them is no skill, which is then reported. */
function readSkills(paths: string[], base: string, report: Report): StoredSkill[] | null {
  const skills: StoredSkill[] = [];
  for (const [index, path] of paths.entries()) {
    const mistake = (message: string) => report(["spec", "skills", index], message);
    try {
      const skill = readSkill(resolve(base, path));
      if (skills.some(({ name }) => name === skill.name)) mistake(`a second skill with the name "${skill.name}"`);
      skills.push(skill);
    } catch (error) {
      if (!(error instanceof SkillMistake)) throw error;
      mistake(error.message);
    }
  }
  return new Set(skills.map(({ name }) => name)).size === paths.length ? skills : null;
}
