import { AppError } from "../errors.ts";
import { quoteForShell } from "../platform/shell-quote.ts";
import type { ComponentSpec } from "../stack/spec.ts";

/** The runner could not write in its workspace: the folder on the host, and the user it must be writable for. */
export function workspaceError(spec: ComponentSpec, found: { path: string; reason: string | null }): AppError {
  const folder = spec.runtime === "container" ? spec.workspace : found.path;
  if (/^(ENOSPC|EDQUOT)\b/.test(found.reason ?? "")) return diskFull(folder, found.reason);
  const remedy =
    spec.runtime === "container"
      ? { label: "Give it to the container's user", command: `chown -R ${spec.user} ${quoteForShell(folder)}` }
      : { label: "Make it writable for you", command: `chmod u+rwx ${quoteForShell(folder)}` };
  return new AppError("PERMISSION_DENIED", `${spec.name} cannot write in its workspace ${folder}`, {
    detail: found.reason,
    hint: "The folder must be writable for the user that the agent-runner runs as.",
    actions: [
      remedy,
      { label: "Or use the default workspace", command: "stigmer config unset agent_runner.workspace" },
    ],
  });
}

function diskFull(folder: string, reason: string | null): AppError {
  return new AppError("DISK_FULL", `There is no space left on the disk of the workspace ${folder}`, {
    detail: reason,
    hint: "Make room, then try again.",
    retryable: true,
    actions: [{ label: "See how full the disk is", command: `df -h ${quoteForShell(folder)}` }],
  });
}
