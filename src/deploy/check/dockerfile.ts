/** As much of a Dockerfile's grammar as ours have: instructions, continued lines, comments, JSON forms. Pure. */

export interface DockerInstruction {
  /** In upper case. */
  keyword: string;
  rest: string;
}

const KEYWORDS =
  /^(ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|FROM|HEALTHCHECK|LABEL|RUN|SHELL|STOPSIGNAL|USER|VOLUME|WORKDIR)$/;

/** @throws Error for a line that no Dockerfile has, and for a command that is not in exec form. */
export function parseDockerfile(text: string): DockerInstruction[] {
  const lines = text.split("\n").filter((line) => !/^\s*(#|$)/.test(line));
  const instructions: DockerInstruction[] = [];
  for (let index = 0; index < lines.length; index += 1) {
    let line = lines[index] ?? "";
    while (line.endsWith("\\")) {
      index += 1;
      if (lines[index] === undefined) throw new Error("its last line is continued");
      line = `${line.slice(0, -1)} ${lines[index]?.trim()}`;
    }
    instructions.push(toInstruction(line));
  }
  return instructions;
}

function toInstruction(line: string): DockerInstruction {
  const [, keyword = "", rest = ""] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
  if (!KEYWORDS.test(keyword)) throw new Error(`no instruction begins with "${line.slice(0, 40)}"`);
  if (keyword === "CMD" || keyword === "ENTRYPOINT") requireExecForm(rest);
  if (keyword === "HEALTHCHECK") requireExecForm(rest.replace(/^.*?\sCMD\s+/, ""));
  return { keyword, rest };
}

function requireExecForm(rest: string): void {
  const words: unknown = JSON.parse(rest);
  if (!Array.isArray(words) || words.some((word) => typeof word !== "string")) throw new Error("a command is no list");
}
