import type { Socket } from "node:net";
import type { ContainerDocument, ContainerListItem } from "./container-documents.ts";
import type { CallOptions, DockerEngine } from "./engine.ts";

/** Filters of a list or of events, as the Engine API takes them. */
export type EngineFilters = Record<string, string[]>;

/** What is read of `GET /exec/<id>/json`. */
export interface ExecDocument {
  ContainerID: string;
  Running: boolean;
  /** On the engine's machine; 0 before it ran. */
  Pid: number;
  /** Null before it ran. */
  ExitCode: number | null;
}

/** A container's document in both forms: to be looked into, and to be passed on byte by byte. */
export interface InspectedContainer {
  document: ContainerDocument;
  text: string;
}

/**
 * The engine nearly as it is, for docker-runner, which hands its documents and bytes on. Refusals, "not found" included,
 * reject with a DockerRequestError; a daemon that is gone, mute or forbidden with an AppError DOCKER_*.
 */
export interface RunnerEngine
  extends Pick<
    DockerEngine,
    | "endpoint"
    | "startContainer"
    | "stopContainer"
    | "removeContainer"
    | "putArchive"
    | "inspectImage"
    | "pullImage"
    | "ping"
  > {
  /** How many CPUs the engine has: it refuses a limit above that. */
  countCpus(options?: CallOptions): Promise<number>;
  inspect(idOrName: string, options?: CallOptions): Promise<InspectedContainer>;
  list(filters: EngineFilters, options: CallOptions & { all: boolean }): Promise<ContainerListItem[]>;
  create(
    container: { name: string | null; platform: string | null; body: object },
    options?: CallOptions,
  ): Promise<string>;
  removeVolume(name: string, options: CallOptions & { force: boolean }): Promise<void>;
  /** The driver's options of a volume; null when there is none of that name. */
  volumeOptions(name: string, options?: CallOptions): Promise<Record<string, string> | null>;
  /** A network by name or ID; null when there is none. */
  findNetwork(nameOrId: string, options?: CallOptions): Promise<{ name: string; driver: string } | null>;

  createExec(containerId: string, body: object, options?: CallOptions): Promise<string>;
  inspectExec(execId: string, options?: CallOptions): Promise<ExecDocument>;
  resizeExec(execId: string, size: { columns: number; rows: number }, options?: CallOptions): Promise<void>;
  /** Starts an exec without input. Its output comes as the engine sends it: framed unless it has a terminal. */
  startExec(execId: string, options: { tty: boolean; signal: AbortSignal }): Promise<AsyncIterable<Buffer>>;
  /** Starts an exec on a connection of its own. Ending the socket closes the command's input and nothing else. */
  openExec(execId: string, options: { tty: boolean; signal: AbortSignal }): Promise<Socket>;

  /** The bytes of a container's log. Resolves once the engine took the call. */
  readLogs(
    containerId: string,
    query: Record<string, string>,
    options: { signal: AbortSignal },
  ): Promise<AsyncIterable<Buffer>>;
  /** The engine's events, newline-delimited JSON cut anywhere. Resolves once the engine took the call. */
  readEvents(query: Record<string, string>, options: { signal: AbortSignal }): Promise<AsyncIterable<Buffer>>;
}
