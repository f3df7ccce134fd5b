import { compileGlob } from "./glob.ts";
import { type Tool, ToolError } from "./tool.ts";
import { walkWorkspace } from "./workspace-walk.ts";

const MOST_PATHS = 1_000;

export const fileGlob: Tool = {
  description:
    "Lists files of the workspace by a pattern such as **/*.ts or src/*.{js,ts}. Folders .git and node_modules are left out unless the pattern names them.",
  parameters: { pattern: "The pattern, relative to the workspace" },
  idempotent: true,
  async run({ pattern = "" }, { workspaceRoot, signal }) {
    const glob = compile(pattern);
    const paths: string[] = [];
    for await (const { path } of walkWorkspace(workspaceRoot, signal, (folder) => pattern.includes(folder))) {
      if (!glob.test(path)) continue;
      if (paths.length === MOST_PATHS) {
        paths.push(`[… more than ${MOST_PATHS} files match …]`);
        break;
      }
      paths.push(path);
    }
    return { ok: true, output: paths.length === 0 ? "no file matches" : paths.join("\n") };
  },
};

function compile(pattern: string): RegExp {
  if (pattern.split("/").includes("..")) throw new ToolError(`${pattern} is outside the workspace`);
  try {
    return compileGlob(pattern);
  } catch {
    throw new ToolError(`${pattern} is not a pattern of files`);
  }
}
