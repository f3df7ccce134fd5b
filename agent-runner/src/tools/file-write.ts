import { constants } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { type Tool, ToolError } from "./tool.ts";
import { openInWorkspace, resolveInWorkspace } from "./workspace-path.ts";

export const fileWrite: Tool = {
  description: "Writes a text file of the workspace, replacing what it held. Folders on the way are made.",
  parameters: { path: "The file, relative to the workspace", content: "The whole new content" },
  idempotent: false,
  async run({ path = "", content = "" }, { workspaceRoot }) {
    const folder = dirname(await resolveInWorkspace(workspaceRoot, path));
    await mkdir(folder, { recursive: true }).catch((error: unknown) => {
      throw new ToolError(`the folder of ${path} cannot be made: ${error instanceof Error ? error.message : error}`);
    });
    const handle = await openInWorkspace(workspaceRoot, path, constants.O_WRONLY | constants.O_CREAT);
    try {
      await handle.truncate(0);
      await handle.writeFile(content);
    } finally {
      await handle.close();
    }
    return { ok: true, output: `wrote ${Buffer.byteLength(content)} bytes to ${path}` };
  },
};
