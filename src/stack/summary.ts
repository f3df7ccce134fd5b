import type { ComponentStatus, StackState } from "./component.ts";

/** The state of the whole from the states of its parts, the server included. */
export function summarise(components: readonly ComponentStatus[]): StackState {
  const states = components.map((component) => component.state);
  if (states.every((state) => state === "stopped")) return "stopped";
  if (states.every((state) => state === "ready")) return "ready";
  if (states.every((state) => state === "ready" || state === "starting")) return "starting";
  return "degraded";
}

/** The exit code of `server status` (product.md §6). */
export function statusExitCode(state: StackState): number {
  switch (state) {
    case "ready":
      return 0;
    case "starting":
    case "degraded":
      return 1;
    case "stopped":
      return 3;
    case "unknown":
      return 4;
    default:
      return state satisfies never;
  }
}
