import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { createContext, Script } from "node:vm";
import { type Tool, ToolError } from "./tool.ts";
import { walkWorkspace } from "./workspace-walk.ts";

const MOST_MATCHES = 500;
const LONGEST_LINE = 400;
const LARGEST_FILE_BYTES = 4 * 1024 * 1024;
/** Some expressions take time beyond all bounds on some lines; a search of one file is ended after this. */
const FILE_LIMIT_MS = 250;

export const fileSearch: Tool = {
  description:
    "Searches the text files of the workspace for a regular expression (JavaScript syntax), line by line. Returns path:line: text.",
  parameters: { pattern: "The regular expression" },
  idempotent: true,
  async run({ pattern = "" }, { workspaceRoot, signal }) {
    const search = compileSearch(pattern);
    const matches: string[] = [];
    for await (const { path, absolute } of walkWorkspace(workspaceRoot, signal)) {
      const text = await readText(absolute);
      if (text === null) continue;
      for (const { line, text: found } of search(text, MOST_MATCHES - matches.length)) {
        matches.push(`${path}:${line}: ${found.slice(0, LONGEST_LINE)}`);
      }
      if (matches.length >= MOST_MATCHES) {
        matches.push(`[… the search ended at ${MOST_MATCHES} matches …]`);
        break;
      }
    }
    return { ok: true, output: matches.length === 0 ? "no line matches" : matches.join("\n") };
  },
};

interface Match {
  line: number;
  text: string;
}

/** In a context of its own, since only there a running expression can be ended. */
const SEARCH = new Script(`{
  const matches = [];
  const lines = text.split(/\\r?\\n/);
  for (let at = 0; at < lines.length && matches.length < most; at += 1) {
    if (expression.test(lines[at])) matches.push({ line: at + 1, text: lines[at] });
  }
  matches;
}`);

function compileSearch(pattern: string): (text: string, most: number) => Match[] {
  const expression = compileExpression(pattern);
  const context = createContext({ text: "", most: 0, expression });
  return (text, most) => {
    Object.assign(context, { text, most });
    try {
      return SEARCH.runInContext(context, { timeout: FILE_LIMIT_MS }) as Match[];
    } catch {
      throw new ToolError(`the expression takes too long: more than ${FILE_LIMIT_MS} ms for one file`);
    }
  };
}

function compileExpression(pattern: string): RegExp {
  try {
    return new RegExp(pattern, "u");
  } catch {
    // Many expressions that people write are valid only without the stricter rules of the u flag.
    try {
      return new RegExp(pattern);
    } catch (error) {
      throw new ToolError(`${error instanceof Error ? error.message : error}`);
    }
  }
}

/** Null for what is no text, too large, or not to be read. */
async function readText(absolute: string): Promise<string | null> {
  const handle = await open(absolute, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    () => null,
  );
  if (handle === null) return null;
  try {
    const stat = await handle.stat();
    if (!stat.isFile() || stat.size > LARGEST_FILE_BYTES) return null;
    const bytes = await handle.readFile();
    return bytes.includes(0) ? null : bytes.toString("utf8");
  } finally {
    await handle.close();
  }
}
