import { AppError } from "../../errors.ts";
import { COMPONENT_NAMES, type ComponentName, type StackStatus } from "../../stack/component.ts";
import type { Stack, StackEvent, UpOptions } from "../../stack/events.ts";
import type { OperationEnd } from "../remote-stack.ts";
import type { ApiRequest, Route } from "../route.ts";

export interface StackRouteDeps {
  stack: Stack & { up(options: UpOptions & { replaceOutdatedImage?: boolean }): Promise<StackStatus> };
  version: string;
  instance: string;
  /** `stopping` once a stop of the whole stack has begun. */
  phase: () => "running" | "stopping";
  /** A stop of the whole stack begins. */
  beginStop: () => void;
  /** The whole stack is down: nothing is left but this server, which ends now. */
  onDown: () => void;
  depth: () => { queued: number; running: number };
}

/** Control of the stack itself, and `GET /health`, the one open path. */
export function stackRoutes(deps: StackRouteDeps): Route[] {
  return [
    {
      method: "GET",
      path: "/health",
      handle: async () => ({
        status: 200,
        body: { status: "ok", version: deps.version, instance: deps.instance, pid: process.pid, phase: deps.phase() },
      }),
    },
    {
      method: "GET",
      path: "/v1/status",
      handle: async () => ({ status: 200, body: { ...(await deps.stack.status()), queue: deps.depth() } }),
    },
    {
      method: "GET",
      path: "/v1/status/watch",
      handle: async (request) => ({ status: 200, records: deps.stack.watch(request.signal) }),
    },
    { method: "POST", path: "/v1/up", handle: async (request) => streamed((onEvent) => up(deps, request, onEvent)) },
    {
      method: "POST",
      path: "/v1/restart",
      handle: async (request) => {
        const body = fields(request);
        const component = componentOf(body["component"]);
        const timeoutMs = milliseconds(body["timeoutMs"], "timeoutMs");
        return streamed((onEvent) => deps.stack.restart(component, { timeoutMs, signal: request.signal, onEvent }));
      },
    },
    {
      method: "POST",
      path: "/v1/down",
      handle: async (request) => {
        const body = fields(request);
        const component = body["component"] == null ? null : componentOf(body["component"]);
        const graceMs = milliseconds(body["graceMs"], "graceMs");
        const force = body["force"] === true;
        // A client that leaves does not stop a stop.
        const signal = new AbortController().signal;
        if (component === null) deps.beginStop();
        return streamed((onEvent) => {
          const down = deps.stack.down({ component, graceMs, force, signal, onEvent });
          return component === null ? down.finally(deps.onDown) : down;
        });
      },
    },
  ];
}

function up(deps: StackRouteDeps, request: ApiRequest, onEvent: (event: StackEvent) => void): Promise<StackStatus> {
  const body = fields(request);
  return deps.stack.up({
    timeoutMs: milliseconds(body["timeoutMs"], "timeoutMs"),
    replaceOutdatedImage: body["replaceOutdatedImage"] === true,
    signal: request.signal,
    onEvent,
  });
}

/** Runs an operation and turns its events and its end into records. */
function streamed<T>(operate: (onEvent: (event: StackEvent) => void) => Promise<T>): {
  status: number;
  records: AsyncIterable<StackEvent | OperationEnd<T>>;
} {
  const queue: (StackEvent | OperationEnd<T>)[] = [];
  let wake: () => void = () => {};
  const push = (item: StackEvent | OperationEnd<T>): void => {
    queue.push(item);
    wake();
  };
  operate(push).then(
    (result) => push({ type: "done", result }),
    (error: unknown) => push({ type: "error", error: toAppError(error).toBody() }),
  );
  return { status: 200, records: drain() };

  async function* drain(): AsyncIterable<StackEvent | OperationEnd<T>> {
    for (;;) {
      const item = queue.shift();
      if (item === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      yield item;
      if (item.type === "done" || item.type === "error") return;
    }
  }
}

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError("INTERNAL", error instanceof Error ? error.message : String(error), { cause: error });
}

function fields(request: ApiRequest): Record<string, unknown> {
  const { body } = request;
  if (body === null) return {};
  if (typeof body !== "object" || Array.isArray(body))
    throw new AppError("USAGE", "The request body must be an object");
  return body as Record<string, unknown>;
}

function componentOf(value: unknown): ComponentName {
  const name = COMPONENT_NAMES.find((known) => known === value);
  if (name === undefined) throw new AppError("USAGE", `Unknown component; known are ${COMPONENT_NAMES.join(", ")}`);
  return name;
}

function milliseconds(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  throw new AppError("USAGE", `${name} must be a number of milliseconds`);
}
