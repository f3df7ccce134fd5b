import type { DockerEngine } from "../docker/engine.ts";
import type { HomePaths } from "../platform/paths.ts";
import { COMPONENT_NAMES } from "../stack/component.ts";
import { openAgentRunnerSource } from "./agent-runner-source.ts";
import { lineFilter } from "./line-filter.ts";
import { openProcessSource } from "./process-source.ts";
import type { LogQuery } from "./record.ts";
import type { LogSource } from "./source.ts";
import { watchFolder } from "./wake.ts";

export interface OpenSourcesOptions {
  paths: HomePaths;
  query: LogQuery;
  /** Whether the level of each line will be shown. */
  showsLevels: boolean;
  /** @throws AppError DOCKER_*. */
  connect: () => Promise<DockerEngine>;
  /** The home's UUID, or null when it has none yet. */
  readInstance: () => Promise<string | null>;
  /** The name that our agent-runner would take; null when it cannot be told. */
  containerName: (instance: string | null) => Promise<string | null>;
  warn: (sentence: string) => void;
  signal: AbortSignal;
}

/**
 * The logs that a query asks for, in the order of {@link COMPONENT_NAMES}. Needs no server. Close every source.
 *
 * @throws AppError DOCKER_* when the container's log alone was asked for and Docker cannot be asked; otherwise that is
 * a warning.
 */
export async function openSources(options: OpenSourcesOptions): Promise<LogSource[]> {
  const { paths, query, signal } = options;
  const { components } = query;
  const names = COMPONENT_NAMES.filter((name) => components.length === 0 || components.includes(name));
  const filter = lineFilter(query);
  const folder = query.follow ? watchFolder(paths.logsDir, signal) : null;
  return Promise.all(
    names.map((component) => {
      const follow = folder === null ? null : { waker: folder.subscribe(), signal };
      if (component === "agent-runner") {
        return openAgentRunnerSource({ ...options, filter, follow, isAlone: names.length === 1 });
      }
      return openProcessSource({ component, file: paths.logFile(component), filter, follow });
    }),
  );
}
