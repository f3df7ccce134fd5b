import type { StoredSkill } from "../definitions/skills.ts";
import { SKILL_TOOL } from "../tools/skill-read.ts";

/** The instructions with a list of the skills: only names and descriptions, the rest is read when it is needed. */
export function withSkills(instructions: string, skills: readonly StoredSkill[]): string {
  if (skills.length === 0) return instructions;
  const list = skills.map(({ name, description }) => `- ${name}: ${description}`).join("\n");
  const offer = `You have these skills. Before you do what one of them is about, read it with ${SKILL_TOOL}, path NAME/SKILL.md:`;
  return [instructions.trimEnd(), `${offer}\n${list}`].filter((part) => part !== "").join("\n\n");
}
