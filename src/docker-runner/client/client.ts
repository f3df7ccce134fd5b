import { randomUUID } from "node:crypto";
import type { ContainerLogLine } from "../../docker/engine.ts";
import { type CallOptions, Calls, jsonRequest } from "./calls.ts";
import { Connection, type WireRequest } from "./connection.ts";
import { execDeadlineMs } from "./exec-deadline.ts";
import { followEvents } from "./follow-events.ts";
import { followLogs } from "./follow-logs.ts";
import { type InteractiveExec, type InteractiveOptions, openInteractiveExec } from "./interactive-exec.ts";
import { toPath } from "./path.ts";
import { type WantedImage, whilePullGoesOn } from "./pull-watch.ts";
import type { StreamOptions } from "./resume.ts";
import type {
  ContainerEvent,
  ContainerOptions,
  EventQuery,
  ExecRequest,
  ExecResult,
  InteractiveRequest,
  LogQuery,
  StartedContainer,
  TerminalSize,
} from "./wire.ts";

export { DockerRunnerRequestError } from "./request-error.ts";
export type * from "./wire.ts";

export interface DockerRunnerClientOptions {
  /** `http://127.0.0.1:7071`. */
  baseUrl: string;
  secret: string;
  /** For one attempt of an ordinary call. Default 30 s. */
  requestTimeoutMs?: number;
  /** Of calls that may be repeated. Default 2. */
  maxRetries?: number;
  /** How long a stream that broke is tried again for. Default 60 s. */
  reconnectTimeoutMs?: number;
}

/** Docker's own, and what it may take beyond it. */
const USUAL_STOP_SECONDS = 10;
const STOP_MARGIN_MS = 10_000;

/**
 * The operations of one docker-runner (docker-runner.md §4, §6). Every attempt is signed anew; calls that may be repeated are,
 * after failures that may pass. @throws DockerRunnerRequestError from every method; the signal's reason when aborted.
 */
export class DockerRunnerClient {
  readonly #connection: Connection;
  readonly #calls: Calls;
  readonly #requestTimeoutMs: number;
  readonly #streams: Pick<StreamOptions, "connection" | "openTimeoutMs" | "maxRetries" | "reconnectTimeoutMs">;

  constructor(options: DockerRunnerClientOptions) {
    const { baseUrl, secret, requestTimeoutMs = 30_000, maxRetries = 2, reconnectTimeoutMs = 60_000 } = options;
    const connection = new Connection(baseUrl, secret);
    this.#connection = connection;
    this.#calls = new Calls(connection, { requestTimeoutMs, maxRetries });
    this.#requestTimeoutMs = requestTimeoutMs;
    this.#streams = { connection, openTimeoutMs: requestTimeoutMs, maxRetries, reconnectTimeoutMs };
  }

  /** Ends the connections that are kept. */
  close(): void {
    this.#connection.close();
  }

  async health(options?: CallOptions): Promise<void> {
    await this.#calls.get("/v1/health", options);
  }

  /** Rejects with 503 while Docker does not answer. */
  async ready(options?: CallOptions): Promise<void> {
    await this.#calls.get("/v1/ready", options);
  }

  /** Pulls the image when it is missing, for as long as the pull makes progress. */
  async ensureImage(image: WantedImage, options?: CallOptions): Promise<void> {
    await this.#pulling(image, jsonRequest("/v1/images/ensure", image), options);
  }

  /** Pulls a missing image first, as ensureImage does. With a key of its own where the caller gives none, so that a repeated attempt finds the container of the first. */
  async start(
    container: ContainerOptions,
    options: CallOptions & { idempotencyKey?: string } = {},
  ): Promise<StartedContainer> {
    const { image, platform } = container;
    const request = jsonRequest("/v1/containers/start", container);
    const headers = { ...request.headers, "idempotency-key": options.idempotencyKey ?? randomUUID() };
    return (await this.#pulling({ image, platform }, { ...request, headers }, options)) as StartedContainer;
  }

  /** Also when it is stopped or gone already. */
  async stop(container: { containerId: string; timeoutSec?: number }, options?: CallOptions): Promise<void> {
    const { timeoutSec = USUAL_STOP_SECONDS } = container;
    const timeoutMs = Math.max(this.#requestTimeoutMs, timeoutSec * 1_000 + STOP_MARGIN_MS);
    await this.#calls.repeatable(jsonRequest("/v1/containers/stop", container), { ...options, timeoutMs });
  }

  /** Also when it is gone already. */
  async remove(
    container: { containerId: string; force?: boolean; removeVolumes?: boolean },
    options?: CallOptions,
  ): Promise<void> {
    await this.#calls.post("/v1/containers/remove", container, options);
  }

  /** The engine's document. */
  async inspect(containerId: string, options?: CallOptions): Promise<Record<string, unknown>> {
    const answer = await this.#calls.get(toPath("/v1/containers/inspect", { containerId }), options);
    return answer as Record<string, unknown>;
  }

  async labels(containerId: string, options?: CallOptions): Promise<Record<string, string>> {
    const answer = await this.#calls.get(toPath("/v1/containers/labels", { containerId }), options);
    return (answer as { labels: Record<string, string> }).labels;
  }

  async networks(containerId: string, options?: CallOptions): Promise<unknown> {
    const answer = await this.#calls.get(toPath("/v1/containers/networks", { containerId }), options);
    return (answer as { networks: unknown }).networks;
  }

  /** Oldest first; with `all` the stopped ones, too. */
  async findByLabels(
    query: { labels: Record<string, string>; all?: boolean },
    options?: CallOptions,
  ): Promise<string[]> {
    return containerIdsOf(await this.#calls.post("/v1/containers/findByLabels", query, options));
  }

  async listByVolume(volumeName: string, options?: CallOptions): Promise<string[]> {
    return containerIdsOf(await this.#calls.get(toPath("/v1/containers/listByVolume", { volumeName }), options));
  }

  /** Moves the container's time-to-live. */
  async touch(containerId: string, options?: CallOptions): Promise<void> {
    await this.#calls.post("/v1/containers/touch", { containerId }, options);
  }

  /** Unpacks a tar archive into a folder of the container. */
  async putArchive(
    { containerId, path, tar }: { containerId: string; path: string; tar: Uint8Array },
    options?: CallOptions,
  ): Promise<void> {
    const headers = { "content-type": "application/x-tar" };
    const target = toPath("/v1/containers/putArchive", { containerId, path });
    await this.#calls.repeatable({ method: "POST", path: target, body: tar, headers }, options);
  }

  /** Also when it is gone already. */
  async removeVolume(volume: { volumeName: string; force?: boolean }, options?: CallOptions): Promise<void> {
    await this.#calls.post("/v1/volumes/remove", volume, options);
  }

  /** Never repeated, since it may have run. Its answer is waited for at least as long as the exec itself may take. */
  async exec(exec: ExecRequest, options?: CallOptions): Promise<ExecResult> {
    const timeoutMs = execDeadlineMs(exec.options ?? {}, this.#requestTimeoutMs);
    const request = { ...jsonRequest("/v1/exec/run", exec), alone: true };
    return (await this.#calls.once(request, { signal: options?.signal, timeoutMs })) as ExecResult;
  }

  async resizeExec(exec: { execId: string; size: TerminalSize }, options?: CallOptions): Promise<void> {
    await this.#calls.post("/v1/exec/resize", exec, options);
  }

  /** Resolves once the process runs. */
  interactiveExec(request: InteractiveRequest, options: InteractiveOptions): Promise<InteractiveExec> {
    return openInteractiveExec(request, {
      ...options,
      connection: this.#connection,
      readyTimeoutMs: this.#requestTimeoutMs,
    });
  }

  /** Each line once, over as many connections as it takes, until the container stops. */
  async *logs(query: LogQuery, options?: CallOptions): AsyncGenerator<ContainerLogLine> {
    const { Config } = (await this.inspect(query.containerId, options)) as { Config?: { Tty?: boolean } };
    yield* followLogs(query, Config?.Tty === true, { ...this.#streams, signal: options?.signal });
  }

  /** Each event once, over as many connections as it takes. */
  events(query: EventQuery = {}, options?: CallOptions): AsyncGenerator<ContainerEvent> {
    return followEvents(query, { ...this.#streams, signal: options?.signal });
  }

  #pulling(image: WantedImage, request: WireRequest, options: CallOptions | undefined): Promise<unknown> {
    const watch = { connection: this.#connection, idleTimeoutMs: this.#requestTimeoutMs, signal: options?.signal };
    const attempt = (signal: AbortSignal): Promise<unknown> => this.#calls.once(request, { signal, timeoutMs: null });
    return this.#calls.retrying(() => whilePullGoesOn(image, attempt, watch), options?.signal);
  }
}

function containerIdsOf(answer: unknown): string[] {
  return (answer as { containerIds: string[] }).containerIds;
}
