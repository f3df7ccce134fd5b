import { nearestName } from "../definitions/nearest.ts";
import type { StoredSkill } from "../definitions/skills.ts";
import { type Tool, ToolError } from "./tool.ts";

export const SKILL_TOOL = "skill_read";

/** Reads the stored files of an agent's skills; what the folders hold by now does not matter. */
export function createSkillTool(skills: readonly StoredSkill[]): Tool {
  const contents = new Map(
    skills.flatMap(({ name, files }) => files.map(({ path, content }) => [`${name}/${path}`, content])),
  );
  return {
    description: "Reads a file of a skill. Begin with its SKILL.md, which names the others.",
    parameters: { path: "The skill's name and the file, such as review/SKILL.md" },
    idempotent: true,
    async run({ path = "" }) {
      const content = contents.get(path);
      if (content !== undefined) return { ok: true, output: content };
      const nearest = nearestName(path, [...contents.keys()]);
      throw new ToolError(`no skill has the file ${path}${nearest === null ? "" : `, did you mean ${nearest}?`}`);
    },
  };
}
