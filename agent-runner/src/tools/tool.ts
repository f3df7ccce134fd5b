/** What a tool gives back to the model. */
export interface ToolResult {
  ok: boolean;
  /** At most {@link OUTPUT_LIMIT_BYTES}. */
  output: string;
}

export interface ToolContext {
  /** The folder that file tools are confined to, and where commands start. */
  workspaceRoot: string;
  /** The whole environment of commands. */
  environment: Readonly<Record<string, string>>;
  /** For tools that ask a service of their own; no command sees them. */
  keys: Readonly<Record<string, string>>;
  signal: AbortSignal;
}

/** A built-in tool. All arguments of these are texts, and all are required. */
export interface Tool {
  description: string;
  /** Name → what it means. */
  parameters: Readonly<Record<string, string>>;
  /** Whether running it again after an interruption changes nothing. */
  idempotent: boolean;
  /** @throws ToolError for what the model should be told, or the signal's reason. */
  run(args: Readonly<Record<string, string>>, context: ToolContext): Promise<ToolResult>;
}

/** A failure that goes back to the model as the tool's result. */
export class ToolError extends Error {
  override readonly name = "ToolError";
}

/** The most that one result may hold (engine.md §2). */
export const OUTPUT_LIMIT_BYTES = 64 * 1024;
