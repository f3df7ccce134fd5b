import type { ContainerScope } from "../components/container/observe.ts";
import type { DockerEngine, DockerFlavour } from "../docker/engine.ts";
import type { RunnerRegistry } from "../engine/engine.ts";
import type { Clock } from "../platform/clock.ts";
import type { HomePaths } from "../platform/paths.ts";
import type { ComponentName, ProcessStatus } from "../stack/component.ts";
import type { ComponentSpec } from "../stack/spec.ts";
import type { DockerLink } from "./docker-link.ts";
import type { Launcher } from "./launcher.ts";

export interface Log {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** What the desired stack depends on of the engine that serves it. */
export interface EngineFacts {
  flavour: DockerFlavour;
  cpus: number;
}

/** What the supervisor is built from; everything that touches the world comes in here. */
export interface SupervisorDeps {
  paths: HomePaths;
  instance: string;
  version: string;
  clock: Clock;
  /** In [0, 1). */
  random: () => number;
  registry: RunnerRegistry;
  launcher: Launcher;
  docker: DockerLink;
  /** For the containers that docker-runner makes; null when it is not enabled. */
  runnerDocker: { link: DockerLink; runnerId: string } | null;
  /** What should run; null while no engine has been asked. */
  desired: (engine: EngineFacts | null) => ComponentSpec[];
  engineFacts: (engine: DockerEngine) => Promise<EngineFacts>;
  scope: ContainerScope;
  /** Whether a stop must ask Docker: a container is configured or recorded. */
  needsDocker: () => boolean;
  /** @throws AppError when the engine cannot serve this stack (rootless with a host network, …). */
  checkEngine: (engine: DockerEngine) => Promise<void>;
  /** Returns warnings. @throws AppError IMAGE_MISSING. */
  requireImage: (engine: DockerEngine) => Promise<string[]>;
  /** The last lines of a component's log, for an error. */
  logTail: (component: ComponentName, lines: number) => Promise<string[]>;
  serverStatus: () => ProcessStatus;
  log: Log;
}
