import { statSync } from "node:fs";
import type { DockerEngine } from "../docker/engine.ts";
import { AppError } from "../errors.ts";
import { ContainerSource } from "./container-source.ts";
import { type ContainerScope, type FoundContainer, findContainer } from "./find-container.ts";
import { type LineFilter, lineFilter } from "./line-filter.ts";
import { mergeLive } from "./merge.ts";
import type { OpenSourcesOptions } from "./open-sources.ts";
import { openProcessSource } from "./process-source.ts";
import type { LogSource } from "./source.ts";
import { type Waker, watchFolder } from "./wake.ts";

export interface AgentRunnerSourceOptions extends OpenSourcesOptions {
  filter: LineFilter | null;
  follow: { waker: Waker; signal: AbortSignal } | null;
  /** Whether no other component was asked for: then a Docker that cannot be asked is an error. */
  isAlone: boolean;
}

type Opened = { engine: DockerEngine; container: FoundContainer } | null;

/**
 * The agent-runner has its log in Docker, in a file like every process when it runs without Docker, and after its
 * container was removed in the file that keeps what it said last. History comes from the one that is present; a follow
 * listens to container and process, whichever is started next.
 */
export async function openAgentRunnerSource(options: AgentRunnerSourceOptions): Promise<LogSource> {
  const { paths, filter, follow } = options;
  const file = paths.logFile("agent-runner");
  const processLog = () => openProcessSource({ component: "agent-runner", file, filter, follow });

  if (runsAsProcess(options)) {
    const history = await processLog();
    if (follow === null) return history;
    return joinSources(history, [
      containerSource(options, null, { onlyRecorded: true, hasEarlierLines: true }),
      history,
    ]);
  }

  const opened = await openContainer(options);
  const saved = opened === null && modifiedMs(paths.lastContainerLogFile) !== null;
  const container = containerSource(options, opened, { onlyRecorded: false, hasEarlierLines: saved });
  const history = opened !== null ? container : saved ? await savedLog(options) : await processLog();
  if (follow === null) return history;
  // Of the process log only what comes from now on.
  const process = history === container || saved ? await processLog() : history;
  if (process !== history) await process.seekTail(0);
  return joinSources(history, [container, process]);
}

/** By what the supervisor left in the home; a stopped stack shows the runtime that ran last. */
function runsAsProcess({ paths }: AgentRunnerSourceOptions): boolean {
  if (modifiedMs(paths.containerIdFile) !== null) return false;
  if (modifiedMs(paths.pidFile("agent-runner")) !== null) return true;
  const process = modifiedMs(paths.logFile("agent-runner"));
  return process !== null && process > (modifiedMs(paths.lastContainerLogFile) ?? 0);
}

async function openContainer(options: AgentRunnerSourceOptions): Promise<Opened> {
  const isRecorded = modifiedMs(options.paths.containerIdFile) !== null;
  try {
    const engine = await options.connect();
    const container = await findContainer(engine, await scopeOf(options));
    if (container !== null && !container.isOurs) {
      options.warn(`The log shown for agent-runner is of container ${container.name}, which is not this stack's`);
    }
    return container === null ? null : { engine, container };
  } catch (error) {
    if (!(error instanceof AppError) || options.isAlone) throw error;
    // A stack that never had a container misses nothing.
    if (isRecorded) options.warn(`The agent-runner's log is left out: ${error.message}`);
    return null;
  }
}

function containerSource(
  options: AgentRunnerSourceOptions,
  opened: Opened,
  { onlyRecorded, hasEarlierLines }: { onlyRecorded: boolean; hasEarlierLines: boolean },
): ContainerSource {
  const { paths, query, follow, signal, warn } = options;
  const stateFolder = follow === null ? null : watchFolder(paths.dataDir, signal);
  return new ContainerSource({
    scope: () => scopeOf(options),
    lastLogFile: paths.lastContainerLogFile,
    connect: options.connect,
    onlyRecorded,
    hasEarlierLines,
    opened,
    filter: options.filter,
    // It knows a start time and nothing else of a query.
    dockerSelects: lineFilter({ ...query, sinceMs: null }) === null,
    sinceMs: query.sinceMs,
    wantsLevel: options.showsLevels || query.level !== null,
    follow: stateFolder === null ? null : { waker: stateFolder.subscribe(), warn },
    signal,
  });
}

function savedLog({ paths, filter }: AgentRunnerSourceOptions): Promise<LogSource> {
  return openProcessSource({
    component: "agent-runner",
    file: paths.lastContainerLogFile,
    // Its first line names the container and is none of the container's.
    filter: (line) => !line.isStart && (filter === null || filter(line)),
    follow: null,
  });
}

async function scopeOf(options: AgentRunnerSourceOptions): Promise<ContainerScope> {
  const instance = await options.readInstance();
  const { containerIdFile } = options.paths;
  return { containerIdFile, instance, containerName: () => options.containerName(instance) };
}

/** The history of one source, and after it what several of them bring. */
function joinSources(history: LogSource, live: LogSource[]): LogSource {
  return {
    component: history.component,
    seekTail: (count) => history.seekTail(count),
    history: () => history.history(),
    rawHistory: () => history.rawHistory(),
    live: () => mergeLive(live),
    async close() {
      for (const source of new Set([history, ...live])) await source.close();
    },
  };
}

function modifiedMs(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? null;
}
