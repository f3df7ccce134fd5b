/** Every built-in tool (engine.md §2). */
export const TOOL_NAMES = [
  "file_read",
  "file_write",
  "file_edit",
  "file_glob",
  "file_search",
  "shell",
  "web_fetch",
  "web_search",
] as const;

export type ToolName = (typeof TOOL_NAMES)[number];
