import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { joinEnds } from "./bounded-text.ts";
import { readAt } from "./read-at.ts";
import { OUTPUT_LIMIT_BYTES, type Tool, ToolError } from "./tool.ts";
import { openInWorkspace } from "./workspace-path.ts";

export const fileRead: Tool = {
  description: "Reads a text file of the workspace. Of a large file the beginning and the end are returned.",
  parameters: { path: "The file, relative to the workspace" },
  idempotent: true,
  async run({ path = "" }, { workspaceRoot }) {
    const handle = await openInWorkspace(workspaceRoot, path, constants.O_RDONLY);
    try {
      return { ok: true, output: await readEnds(handle, path) };
    } finally {
      await handle.close();
    }
  },
};

/** However large the file is, no more than the limit is read. */
async function readEnds(handle: FileHandle, path: string): Promise<string> {
  const { size } = await handle.stat();
  const start = await readAt(handle, 0, Math.min(size, OUTPUT_LIMIT_BYTES));
  if (start.includes(0)) throw new ToolError(`${path} is not a text file (${size} bytes)`);
  const end = size <= OUTPUT_LIMIT_BYTES ? start : await readAt(handle, size - OUTPUT_LIMIT_BYTES, OUTPUT_LIMIT_BYTES);
  return joinEnds({ start, end, size: Math.max(size, start.length), limitBytes: OUTPUT_LIMIT_BYTES });
}
