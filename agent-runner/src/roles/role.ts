import type { Log } from "../log.ts";
import type { RunnerEnvironment } from "../protocol/environment.ts";
import type { Task } from "../protocol/messages.ts";
import type { TaskChannel, TurnChannel } from "../session/task-channel.ts";

/** What agents and node runs need of the place where they run. */
export interface RoleContext {
  environment: Pick<RunnerEnvironment, "workspaceRoot" | "loopbackHost">;
  /** The home directory for tools and MCP servers. */
  home: string;
  /** `PATH` for tools and MCP servers. */
  path: string;
  log: Log;
}

/** Runs one leased task to its end. */
export type RunTask = (task: Task, channel: TaskChannel & TurnChannel, context: RoleContext) => Promise<void>;
