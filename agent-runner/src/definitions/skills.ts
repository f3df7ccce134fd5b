import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

/** A skill as `apply` stores it: its folder's text files, SKILL.md among them. */
export interface StoredSkill {
  name: string;
  description: string;
  files: { path: string; content: string }[];
}

/** Why a folder is no skill, in one sentence. */
export class SkillMistake extends Error {
  override readonly name = "SkillMistake";
}

/** A skill travels with every task of its agent. */
const MOST_BYTES = 512 * 1024;
const MOST_FILES = 64;
const DESCRIPTION_FILE = "SKILL.md";

const header = z.object({
  name: z.string().regex(/^[a-z0-9-]{1,63}$/),
  description: z.string().min(1),
});

/**
 * Reads a folder with a SKILL.md, whose front matter names and describes it. Links are left out: what is stored comes
 * from the folder itself. @throws SkillMistake
 */
export function readSkill(directory: string): StoredSkill {
  const text = readDescription(directory);
  const { name, description } = parseHeader(text);
  const files = listFiles(directory).map((path) => ({ path, content: readText(join(directory, path), path) }));
  const size = files.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0);
  if (size > MOST_BYTES) throw new SkillMistake(`the skill's files have ${size} bytes, more than ${MOST_BYTES}`);
  return { name, description, files };
}

function readDescription(directory: string): string {
  try {
    return readFileSync(join(directory, DESCRIPTION_FILE), "utf8");
  } catch {
    throw new SkillMistake(`${directory} has no ${DESCRIPTION_FILE} that can be read`);
  }
}

function parseHeader(text: string): z.infer<typeof header> {
  const matter = /^---\r?\n(.*?)\r?\n---\r?(?:\n|$)/s.exec(text)?.[1];
  if (matter === undefined)
    throw new SkillMistake(`${DESCRIPTION_FILE} does not begin with a header between two lines of ---`);
  try {
    return header.parse(parse(matter));
  } catch {
    throw new SkillMistake(`the header of ${DESCRIPTION_FILE} needs a name of a-z, 0-9 and -, and a description`);
  }
}

function listFiles(directory: string): string[] {
  const paths = readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((path) => lstatSync(join(directory, path)).isFile())
    .map((path) => path.replaceAll("\\", "/"))
    .sort();
  if (paths.length > MOST_FILES) throw new SkillMistake(`the skill has ${paths.length} files, more than ${MOST_FILES}`);
  return paths;
}

function readText(absolute: string, path: string): string {
  const { size } = lstatSync(absolute);
  if (size > MOST_BYTES) throw new SkillMistake(`${path} has ${size} bytes, more than ${MOST_BYTES}`);
  const bytes = readFileSync(absolute);
  if (bytes.includes(0)) throw new SkillMistake(`${path} is not a text file`);
  return bytes.toString("utf8");
}
