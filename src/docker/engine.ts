/** The Docker Engine in our own words. Everything outside `docker/` sees only these types. */
import type { ResourceCalls } from "./resources.ts";

export type DockerFlavour =
  | "docker-desktop"
  | "colima"
  | "orbstack"
  | "rancher-desktop"
  | "podman"
  | "lima"
  | "rootless"
  | "systemd"
  | "dockerd"
  | "unknown";

/** Where an engine listens and why it was chosen (`doctor` prints the reason). */
export interface DockerEndpoint {
  /** `unix:///var/run/docker.sock` or `tcp://host:port`. */
  url: string;
  socketPath: string | null;
  /** `DOCKER_HOST`, `context colima`, `default socket`, … */
  source: string;
  flavour: DockerFlavour;
  /** Only for `tcp://` with TLS: the folder of `ca.pem`, `cert.pem` and `key.pem`. */
  tls?: { certificateDirectory: string; verify: boolean };
}

export interface EngineInfo {
  serverVersion: string;
  apiVersion: string;
  os: string;
  /** As images name it: `amd64`, `arm64`. */
  architecture: string;
  rootless: boolean;
  usernsRemap: boolean;
  cpus: number;
  memoryBytes: number;
  operatingSystem: string;
}

export interface ContainerState {
  status: "created" | "running" | "paused" | "restarting" | "removing" | "exited" | "dead";
  running: boolean;
  /** The init process on the host (engines that run on this kernel), 0 when it does not run. */
  pid: number;
  exitCode: number;
  oomKilled: boolean;
  error: string;
  startedAt: string;
  finishedAt: string;
}

export interface ContainerInfo {
  /** 64 hex digits. */
  id: string;
  /** Without the leading slash. */
  name: string;
  image: string;
  imageId: string;
  labels: Record<string, string>;
  createdAt: string;
  state: ContainerState;
  env: string[];
}

export interface ContainerSummary {
  id: string;
  name: string;
  image: string;
  imageId: string;
  labels: Record<string, string>;
  running: boolean;
}

export interface Bind {
  hostPath: string;
  containerPath: string;
  readOnly: boolean;
}

/** What to create. Limits and hardening are spelled out: nothing is left to the engine's defaults. */
export interface ContainerSpecification {
  name: string;
  image: string;
  labels: Record<string, string>;
  env: Record<string, string>;
  /** `uid:gid`. */
  user: string;
  networkMode: string;
  extraHosts: string[];
  binds: Bind[];
  memoryBytes: number;
  pidsLimit: number;
  command: string[] | null;
  init: boolean;
  logMaxSizeBytes: number;
  logMaxFiles: number;
  /** Named volumes; a new one takes over what the image has at its path. */
  volumes?: { name: string; containerPath: string }[];
  /** Container ports that the host's loopback forwards. */
  loopbackPorts?: { hostPort: number; containerPort: number }[];
  /** Without it the engine starts nothing again. */
  restartPolicy?: "unless-stopped";
  cpus?: number;
  /** Run the image's own health check, for those who look at `docker ps`. */
  keepsHealthcheck?: boolean;
}

export interface ImageInfo {
  id: string;
  tags: string[];
  sizeBytes: number;
  architecture: string;
  os: string;
  labels: Record<string, string>;
  createdAt: string;
  user: string;
  hasHealthcheck: boolean;
}

/** One line of a container's log as Docker keeps it, rejoined from 16 KiB pieces, without its newline. */
export interface ContainerLogLine {
  /** RFC 3339 with nanoseconds, as Docker wrote it. */
  time: string;
  stream: "stdout" | "stderr";
  line: Buffer;
}

export interface ContainerLogOptions {
  follow: boolean;
  tail: number | "all";
  /** RFC 3339 with nanoseconds or null; inclusive. */
  since: string | null;
  until: string | null;
  signal: AbortSignal;
}

export interface EngineEvent {
  kind: "container";
  action: string;
  containerId: string;
  /** Milliseconds since the epoch. */
  timeMs: number;
  attributes: Record<string, string>;
}

export interface ExecResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Progress of a build, pull or push; `error` is the engine's own text. */
export interface ImageProgress {
  text: string;
  error: string | null;
  /** Set when the engine reports the ID of what was made. */
  imageId: string | null;
}

export interface BuildOptions {
  /** Tar of the context; must hold `dockerfile`. */
  context: NodeJS.ReadableStream;
  dockerfile: string;
  tags: string[];
  buildArgs: Record<string, string>;
  labels: Record<string, string>;
  noCache: boolean;
  /** Of the build's steps: `none` where they need no network; the engine's default bridge when absent. */
  networkMode?: string;
  signal: AbortSignal;
}

export interface CallOptions {
  /** Deadline of this call; each method has its own default. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

/**
 * The calls that stigmer makes. Every call has a deadline; a daemon that is gone, mute or forbidden rejects with an
 * AppError of code DOCKER_*; an engine's refusal rejects with {@link DockerRequestError}. "Not found" is null where
 * the type says so, and "already so" (stop of a stopped container, remove of a removed one) succeeds.
 */
export interface DockerEngine extends ResourceCalls {
  readonly endpoint: DockerEndpoint;
  info(options?: CallOptions): Promise<EngineInfo>;
  /** Round trip to `/_ping`. */
  ping(options?: CallOptions): Promise<void>;

  inspectContainer(idOrName: string, options?: CallOptions): Promise<ContainerInfo | null>;
  /** Running and stopped, every label must match (`key` or `key=value`). */
  listContainers(labels: string[], options?: CallOptions): Promise<ContainerSummary[]>;
  createContainer(specification: ContainerSpecification, options?: CallOptions): Promise<string>;
  startContainer(id: string, options?: CallOptions): Promise<void>;
  /** Signals the init process; a container that does not run is fine. */
  killContainer(id: string, signal: string, options?: CallOptions): Promise<void>;
  /** SIGTERM, then SIGKILL after the grace; resolves once it is stopped. */
  stopContainer(id: string, graceMs: number, options?: CallOptions): Promise<void>;
  /** Resolves when the container is not running any more. */
  waitContainer(id: string, options?: CallOptions): Promise<{ exitCode: number }>;
  removeContainer(id: string, options?: CallOptions & { force?: boolean; volumes?: boolean }): Promise<void>;
  putArchive(id: string, path: string, tar: Buffer, options?: CallOptions): Promise<void>;
  exec(id: string, command: string[], options?: CallOptions & { user?: string; env?: string[] }): Promise<ExecResult>;
  logs(id: string, options: ContainerLogOptions): AsyncIterable<ContainerLogLine>;
  /** Something happened to an image: tagged, untagged, built, pulled, … Ends as `events` does. */
  imageEvents(signal: AbortSignal): AsyncIterable<void>;
  /** Container events whose labels match, from `sinceMs` on; ends when the daemon goes or `signal` aborts. */
  events(options: { labels: string[]; sinceMs: number | null; signal: AbortSignal }): AsyncIterable<EngineEvent>;

  inspectImage(reference: string, options?: CallOptions): Promise<ImageInfo | null>;
  buildImage(options: BuildOptions): AsyncIterable<ImageProgress>;
  /** `docker import`: a root file system becomes an image. */
  importImage(
    tar: NodeJS.ReadableStream,
    reference: string,
    options: { changes: string[]; signal: AbortSignal },
  ): Promise<string>;
  /** `platform`: `os/architecture`, by default the engine's own. */
  pullImage(reference: string, signal: AbortSignal, options?: { platform?: string }): AsyncIterable<ImageProgress>;
  pushImage(reference: string, signal: AbortSignal): AsyncIterable<ImageProgress>;
  tagImage(source: string, target: string, options?: CallOptions): Promise<void>;
  removeImage(reference: string, options?: CallOptions & { force?: boolean }): Promise<void>;
}

/** The engine understood the request and refused it. */
export class DockerRequestError extends Error {
  override readonly name = "DockerRequestError";
  readonly statusCode: number;
  constructor(statusCode: number, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}
