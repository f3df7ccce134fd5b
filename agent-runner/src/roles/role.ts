import type { Log } from "../log.ts";
import type { RunnerEnvironment } from "../protocol/environment.ts";
import type { Task } from "../protocol/messages.ts";
import type { TaskChannel } from "../session/task-channel.ts";

export interface RoleContext {
  environment: RunnerEnvironment;
  /** The home directory for tools and MCP servers. */
  home: string;
  /** `PATH` for tools and MCP servers. */
  path: string;
  log: Log;
}

/** Runs one leased task to its end. */
export type RunTask = (task: Task, channel: TaskChannel, context: RoleContext) => Promise<void>;
