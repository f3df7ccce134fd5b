import type { SupervisedName } from "./component.ts";
import { startWaves } from "./graph.ts";
import type { Observed, ObservedContainers, ObservedProcess, OwnContainer } from "./observed.ts";
import type { Operation, Plan } from "./plan.ts";
import { type ComponentSpec, type ContainerSpec, type ProcessSpec, specHash } from "./spec.ts";

export type Intent =
  /** Everything desired runs, everything else of ours is gone. */
  | { kind: "up"; replaceOutdatedImage: boolean }
  /** This component runs; nothing else is looked at. */
  | { kind: "heal"; component: SupervisedName }
  /** Nothing of ours is left. */
  | { kind: "down" };

type KnownContainers = Extract<ObservedContainers, { kind: "known" }>;

/**
 * What must be done so that the observed stack becomes the desired one. Pure: the same input gives the same plan.
 * Foreign things are never part of a plan; a foreign holder of a name is for the caller to report.
 */
export function reconcile(desired: readonly ComponentSpec[], observed: Observed, intent: Intent): Plan {
  switch (intent.kind) {
    case "down":
      return { recovery: planRemoval([], observed, "stop", () => true), start: [], warnings: strangers(observed) };
    case "up":
      return planUp(desired, observed, intent.replaceOutdatedImage, () => true);
    case "heal":
      return planUp(desired, observed, false, (name) => name === intent.component);
    default:
      return intent satisfies never;
  }
}

function planUp(
  desired: readonly ComponentSpec[],
  observed: Observed,
  replaceOutdatedImage: boolean,
  concerns: (component: string) => boolean,
): Plan {
  const wanted = desired.filter((spec) => concerns(spec.name));
  const recovery: Operation[] = [];
  const decisions = new Map<SupervisedName, Operation>();
  const kept = new Set<string>();
  for (const spec of wanted) {
    const decision =
      spec.runtime === "process"
        ? decideProcess(spec, observed.processes[spec.name] ?? { kind: "absent" }, recovery)
        : decideContainer(spec, observed, replaceOutdatedImage, recovery);
    if (decision === null) continue;
    decisions.set(spec.name, decision);
    if ("id" in decision) kept.add(decision.id);
  }
  const removal = planRemoval(wanted, observed, "not part of the stack", concerns, kept);
  const start = startWaves(desired)
    .map((wave) => wave.flatMap((spec) => decisions.get(spec.name) ?? []))
    .filter((wave) => wave.length > 0);
  return { recovery: [...removal, ...recovery], start, warnings: strangers(observed, concerns) };
}

function decideProcess(spec: ProcessSpec, found: ObservedProcess, recovery: Operation[]): Operation {
  const spawn: Operation = { kind: "spawn-process", component: spec.name };
  switch (found.kind) {
    case "absent":
      return spawn;
    case "alive":
      if (found.specHash === specHash(spec)) {
        return { kind: "adopt-process", component: spec.name, pid: found.pid };
      }
      recovery.push({
        kind: "terminate-process",
        component: spec.name,
        pid: found.pid,
        reason: "it runs with other settings",
      });
      return spawn;
    case "dead":
    case "stranger":
    case "damaged":
      recovery.push(forgetPidFile(spec.name, found));
      return spawn;
    default:
      return found satisfies never;
  }
}

/** Null when Docker cannot be asked: nothing can be decided until it answers. */
function decideContainer(
  spec: ContainerSpec,
  observed: Observed,
  replaceOutdatedImage: boolean,
  recovery: Operation[],
): Operation | null {
  if (observed.containers.kind === "unknown") return null;
  const candidates = observed.containers.own.filter((container) => container.component === spec.name);
  const best = pickContainer(candidates, spec, observed);
  for (const container of candidates) {
    if (container !== best) recovery.push(removeContainer(container, "a second one of this stack"));
  }
  const reason = best === null ? null : replacementReason(best, spec, observed.containers, replaceOutdatedImage);
  if (best === null || reason !== null) {
    if (best !== null && reason !== null) recovery.push(removeContainer(best, reason));
    if (observed.containerIdFile.kind !== "absent") {
      recovery.push({ kind: "forget-container-id", reason: "its container is gone or replaced" });
    }
    return {
      kind: "create-container",
      component: spec.name,
      name: spec.containerName,
      image: spec.image,
      imageId: observed.containers.wantedImageId,
    };
  }
  if (observed.containerIdFile.kind !== "id" || observed.containerIdFile.id !== best.id) {
    recovery.push({ kind: "record-container-id", id: best.id });
  }
  return {
    kind: best.running ? "adopt-container" : "start-container",
    component: spec.name,
    id: best.id,
    runnerId: best.runnerId,
    imageId: best.imageId,
  };
}

/** The recorded one if it is there, else a running one of the right spec, else any. */
function pickContainer(candidates: OwnContainer[], spec: ContainerSpec, observed: Observed): OwnContainer | null {
  const hash = specHash(spec);
  const recorded = observed.containerIdFile.kind === "id" ? observed.containerIdFile.id : null;
  const ranked = [...candidates].sort((a, b) => rank(b) - rank(a) || (a.id < b.id ? -1 : 1));
  return ranked[0] ?? null;

  function rank(container: OwnContainer): number {
    return (container.specHash === hash ? 4 : 0) + (container.running ? 2 : 0) + (container.id === recorded ? 1 : 0);
  }
}

function replacementReason(
  container: OwnContainer,
  spec: ContainerSpec,
  containers: KnownContainers,
  replaceOutdatedImage: boolean,
): string | null {
  if (container.specHash !== specHash(spec)) return "its settings changed";
  const outdated = containers.wantedImageId !== null && containers.wantedImageId !== container.imageId;
  // A running container made from an older image stays up until somebody asks; a stopped one costs nothing to replace.
  if (outdated && (replaceOutdatedImage || !container.running)) return "its image was replaced";
  return null;
}

/** Ends everything of ours that `wanted` does not claim, and every record of it. */
function planRemoval(
  wanted: readonly ComponentSpec[],
  observed: Observed,
  reason: string,
  concerns: (component: string) => boolean,
  kept: ReadonlySet<string> = new Set(),
): Operation[] {
  const operations: Operation[] = [];
  const wantedAs = (component: string, runtime: ComponentSpec["runtime"]): boolean =>
    wanted.some((spec) => spec.name === component && spec.runtime === runtime);
  for (const stray of observed.strays) {
    if (concerns(stray.component)) operations.push({ kind: "terminate-stray", ...stray });
  }
  for (const [name, found] of processEntries(observed)) {
    if (!concerns(name) || wantedAs(name, "process")) continue;
    if (found.kind === "alive") {
      operations.push({ kind: "terminate-process", component: name, pid: found.pid, reason });
    } else if (found.kind !== "absent") {
      operations.push(forgetPidFile(name, found));
    }
  }
  if (observed.containers.kind === "unknown") return operations;
  for (const container of observed.containers.own) {
    if (!concerns(container.component) || kept.has(container.id) || wantedAs(container.component, "container"))
      continue;
    operations.push(removeContainer(container, reason));
  }
  if (
    observed.containerIdFile.kind !== "absent" &&
    concerns("agent-runner") &&
    !wantedAs("agent-runner", "container")
  ) {
    operations.push({ kind: "forget-container-id", reason });
  }
  return operations;
}

function removeContainer(container: OwnContainer, reason: string): Operation {
  return {
    kind: "remove-container",
    component: container.component,
    id: container.id,
    running: container.running,
    reason,
  };
}

function forgetPidFile(
  component: SupervisedName,
  found: Exclude<ObservedProcess, { kind: "absent" } | { kind: "alive" }>,
): Operation {
  return { kind: "forget-pid-file", component, reason: staleReason(found) };
}

function staleReason(found: Exclude<ObservedProcess, { kind: "absent" } | { kind: "alive" }>): string {
  switch (found.kind) {
    case "dead":
      return `process ${found.pid} is gone`;
    case "stranger":
      return `process ${found.pid} is not ours: ${found.detail}`;
    case "damaged":
      return found.detail;
    default:
      return found satisfies never;
  }
}

function strangers(observed: Observed, concerns: (component: string) => boolean = () => true): string[] {
  return processEntries(observed).flatMap(([name, found]) =>
    found.kind === "stranger" && concerns(name)
      ? [`The PID file of ${name} named process ${found.pid}, which is not ours (${found.detail}); it was left alone`]
      : [],
  );
}

function processEntries(observed: Observed): [SupervisedName, ObservedProcess][] {
  return Object.entries(observed.processes) as [SupervisedName, ObservedProcess][];
}
