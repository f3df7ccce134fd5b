import { AppError, type ErrorBody } from "../errors.ts";
import type { ComponentName, StackStatus } from "../stack/component.ts";
import type { DownOptions, Stack, StackEvent, StopReport, UpOptions } from "../stack/events.ts";
import { type ServerClient, ServerGoneError } from "./client.ts";

/** The last record of a streamed stack operation. */
export type OperationEnd<T> = { type: "done"; result: T } | { type: "error"; error: ErrorBody };

/** A stack that a server runs, over its socket. */
export class RemoteStack implements Stack {
  readonly #client: ServerClient;

  constructor(client: ServerClient) {
    this.#client = client;
  }

  up(options: UpOptions & { replaceOutdatedImage?: boolean }): Promise<StackStatus> {
    const body = { timeoutMs: options.timeoutMs, replaceOutdatedImage: options.replaceOutdatedImage ?? false };
    return this.#operate("/v1/up", body, options);
  }

  down(options: DownOptions): Promise<StopReport> {
    const body = { component: options.component, graceMs: options.graceMs, force: options.force };
    return this.#operate("/v1/down", body, options);
  }

  restart(component: ComponentName, options: UpOptions): Promise<StackStatus> {
    return this.#operate("/v1/restart", { component, timeoutMs: options.timeoutMs }, options);
  }

  status(): Promise<StackStatus> {
    return this.#client.request<StackStatus>("GET", "/v1/status");
  }

  watch(signal: AbortSignal): AsyncIterable<StackStatus> {
    return this.#client.stream("GET", "/v1/status/watch", undefined, { signal }) as AsyncIterable<StackStatus>;
  }

  async #operate<T>(
    path: string,
    body: unknown,
    options: { signal: AbortSignal; onEvent: (event: StackEvent) => void },
  ): Promise<T> {
    for await (const record of this.#client.stream("POST", path, body, { signal: options.signal })) {
      const item = record as StackEvent | OperationEnd<T>;
      if (item.type === "done") return item.result;
      if (item.type === "error") throw AppError.fromBody(item.error);
      options.onEvent(item);
    }
    throw new ServerGoneError("The server ended before the operation did");
  }
}
