import { AppError } from "../errors.ts";
import type { HomePaths } from "../platform/paths.ts";
import type { ComponentName } from "../stack/component.ts";

/** The runner could not write in its workspace: what to do depends on whose folder it is. */
export function workspaceError(
  component: ComponentName,
  workspace: { path: string; reason: string | null },
  paths: HomePaths,
): AppError {
  return new AppError("PERMISSION_DENIED", `${component} cannot write in its workspace ${workspace.path}`, {
    detail: workspace.reason,
    hint: "The folder must be writable for the user that the agent-runner runs as.",
    actions: [
      { label: "See which folder it is", command: "stigmer config get agent_runner.workspace" },
      { label: "Give the default workspace to that user", command: `chown -R 10001:10001 "${paths.workspaceDir}"` },
    ],
  });
}
