import { readContainerIdFile } from "../components/container/container-id-file.ts";
import { type ContainerScope, observeContainers } from "../components/container/observe.ts";
import { type PidFileState, readPidFile } from "../components/process/pid-file.ts";
import type { DockerEngine } from "../docker/engine.ts";
import type { HomePaths } from "../platform/paths.ts";
import { environmentOf, listProcesses } from "../platform/process-table.ts";
import { COMPONENT_NAMES, type SupervisedName } from "../stack/component.ts";
import type { Observed, ObservedContainers, ObservedProcess, StrayProcess } from "../stack/observed.ts";
import type { ComponentSpec } from "../stack/spec.ts";

const SUPERVISED: SupervisedName[] = COMPONENT_NAMES.filter((name) => name !== "stigmer-server");

export interface ObserveInput {
  paths: HomePaths;
  instance: string;
  scope: ContainerScope;
  /** Null, with the reason, when Docker cannot be asked. */
  docker: { engine: DockerEngine } | { unavailable: string };
}

/** Looks at everything of this home at once: PID files, processes without one, containers by label and by name. */
export async function observeStack(input: ObserveInput): Promise<Observed> {
  const [processes, containers, containerIdFile] = await Promise.all([
    observeProcesses(input.paths, input.instance),
    askDocker(input),
    readContainerIdFile(input.paths.containerIdFile),
  ]);
  const strays = await findStrays(input.instance, pidsOf(processes));
  return { processes, strays, containers, containerIdFile };
}

/** What is known of one component; cheap enough for the way back from a crash. */
export async function observeComponent(
  spec: ComponentSpec,
  home: { paths: HomePaths; instance: string; scope: ContainerScope },
  engine: DockerEngine | null,
): Promise<Observed> {
  const unknown: ObservedContainers = { kind: "unknown", reason: "not looked at" };
  if (spec.runtime === "process") {
    const found = toObserved(await readPidFile(home.paths.pidFile(spec.name), home.instance));
    return { processes: { [spec.name]: found }, strays: [], containers: unknown, containerIdFile: { kind: "absent" } };
  }
  const [containers, containerIdFile] = await Promise.all([
    engine === null ? unknown : observeContainers(engine, home.scope),
    readContainerIdFile(home.paths.containerIdFile),
  ]);
  return { processes: {}, strays: [], containers, containerIdFile };
}

/** What the PID files say, proved against the kernel. */
async function observeProcesses(paths: HomePaths, instance: string): Promise<Observed["processes"]> {
  const entries = await Promise.all(
    SUPERVISED.map(async (name) => [name, toObserved(await readPidFile(paths.pidFile(name), instance))] as const),
  );
  return Object.fromEntries(entries);
}

async function askDocker(input: ObserveInput): Promise<ObservedContainers> {
  if ("unavailable" in input.docker) return { kind: "unknown", reason: input.docker.unavailable };
  return observeContainers(input.docker.engine, input.scope);
}

function toObserved(state: PidFileState): ObservedProcess {
  if (state.kind !== "alive") return state;
  const { record, identity } = state;
  return {
    kind: "alive",
    pid: identity.pid,
    runnerId: record.runnerId ?? null,
    specHash: record.specHash ?? null,
    version: record.version,
  };
}

function pidsOf(processes: Observed["processes"]): Set<number> {
  return new Set(Object.values(processes).flatMap((found) => (found?.kind === "alive" ? [found.pid] : [])));
}

/**
 * Processes that carry this instance in their environment and descend from no component that a PID file names: the file
 * was lost, the starter was killed before it could write one, or the component died and its tools live on.
 */
async function findStrays(instance: string, known: ReadonlySet<number>): Promise<StrayProcess[]> {
  const strays: StrayProcess[] = [];
  const processes = await listProcesses();
  const parents = new Map(processes.map(({ pid, ppid }) => [pid, ppid]));
  for (const { pid } of processes) {
    if (pid === process.pid || descends(pid, known, parents)) continue;
    const environment = await environmentOf(pid);
    const component = environment?.["STIGMER_COMPONENT"];
    if (environment?.["STIGMER_INSTANCE"] !== instance || component === undefined) continue;
    if (component !== "stigmer-server") strays.push({ pid, component });
  }
  return strays;
}

function descends(pid: number, ancestors: ReadonlySet<number>, parents: ReadonlyMap<number, number>): boolean {
  for (let current = pid; current > 1; current = parents.get(current) ?? 0) {
    if (ancestors.has(current)) return true;
  }
  return false;
}
