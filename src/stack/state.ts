import type { ComponentState } from "./component.ts";

/** What is true of a supervised component; each state holds exactly that. Times are monotonic milliseconds. */
export type SupervisionState =
  | { kind: "stopped"; byUser: boolean }
  | { kind: "starting"; sinceMs: number }
  | { kind: "ready"; sinceMs: number }
  | { kind: "unhealthy"; sinceMs: number; reason: string }
  | { kind: "backoff"; retryAtMs: number }
  | { kind: "failed"; reason: string }
  | { kind: "stopping" }
  | { kind: "unknown"; reason: string };

/** What may follow what. A transition that is not here is a bug. */
const TRANSITIONS: Record<ComponentState, readonly ComponentState[]> = {
  stopped: ["starting", "stopping", "unknown"],
  starting: ["ready", "unhealthy", "backoff", "failed", "stopping", "stopped", "starting", "unknown"],
  ready: ["unhealthy", "starting", "backoff", "failed", "stopping", "unknown"],
  unhealthy: ["ready", "starting", "backoff", "failed", "stopping", "unknown"],
  backoff: ["starting", "stopping", "failed", "unknown"],
  failed: ["starting", "stopping", "unknown"],
  stopping: ["stopped", "failed", "starting", "unknown"],
  unknown: ["starting", "ready", "backoff", "failed", "stopping", "unknown"],
};

/** @throws Error on a transition that the table does not allow. */
export function transition(from: SupervisionState, to: SupervisionState): SupervisionState {
  if (!TRANSITIONS[from.kind].includes(to.kind))
    throw new Error(`a component cannot go from ${from.kind} to ${to.kind}`);
  return to;
}

/** Whether the component should come back by itself when it is down. */
export function isHealable(state: SupervisionState): boolean {
  return state.kind !== "stopped" && state.kind !== "stopping" && state.kind !== "failed";
}
