import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { readAt } from "./read-at.ts";
import { type Tool, ToolError } from "./tool.ts";
import { openInWorkspace } from "./workspace-path.ts";

/** An edit holds the file in memory twice. */
const LARGEST_FILE_BYTES = 16 * 1024 * 1024;

export const fileEdit: Tool = {
  description: "Replaces one passage of a text file of the workspace. The old text must stand in it exactly once.",
  parameters: {
    path: "The file, relative to the workspace",
    old_text: "The passage to replace, exactly as it stands, with enough around it to be unique",
    new_text: "What stands there instead",
  },
  idempotent: false,
  async run({ path = "", old_text: oldText = "", new_text: newText = "" }, { workspaceRoot }) {
    if (oldText === "") throw new ToolError("old_text is empty; file_write makes new files");
    const handle = await openInWorkspace(workspaceRoot, path, constants.O_RDWR);
    try {
      const text = await readWhole(handle, path);
      const at = text.indexOf(oldText);
      if (at === -1) throw new ToolError(`old_text does not stand in ${path}`);
      if (text.indexOf(oldText, at + 1) !== -1) {
        throw new ToolError(`old_text stands more than once in ${path}: give more of its surroundings`);
      }
      const edited = text.slice(0, at) + newText + text.slice(at + oldText.length);
      await handle.truncate(0);
      await handle.writeFile(edited);
      return { ok: true, output: `replaced one passage of ${path}` };
    } finally {
      await handle.close();
    }
  },
};

async function readWhole(handle: FileHandle, path: string): Promise<string> {
  const { size } = await handle.stat();
  if (size > LARGEST_FILE_BYTES) throw new ToolError(`${path} is too large to edit (${size} bytes)`);
  const bytes = await readAt(handle, 0, size);
  if (bytes.includes(0)) throw new ToolError(`${path} is not a text file (${size} bytes)`);
  return bytes.toString("utf8");
}
