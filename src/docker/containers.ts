import { containerCreateBody } from "./container-create.ts";
import {
  type ContainerDocument,
  type ContainerListItem,
  toContainerInfo,
  toContainerSummary,
} from "./container-documents.ts";
import { type DockerEngine, DockerRequestError } from "./engine.ts";
import { nullWhen } from "./errors.ts";
import { containerPath } from "./resource-path.ts";
import { readJson, type Transport, within } from "./transport.ts";

export type ContainerCalls = Pick<
  DockerEngine,
  | "inspectContainer"
  | "listContainers"
  | "createContainer"
  | "startContainer"
  | "killContainer"
  | "stopContainer"
  | "waitContainer"
  | "removeContainer"
  | "putArchive"
>;

const QUICK_MS = 10_000;
/** Starting prepares mounts, network and cgroups; a busy machine takes its time. */
const START_MS = 30_000;
const ARCHIVE_MS = 60_000;
/** What stopping may take beyond its grace: the kill, and tearing the container down. */
const AFTER_GRACE_MS = 10_000;

export function createContainerCalls(transport: Transport): ContainerCalls {
  return {
    async inspectContainer(idOrName, options) {
      const answer = await unlessMissing(
        transport.call({ method: "GET", path: containerPath(idOrName, "/json") }, within(QUICK_MS, options)),
      );
      return answer === null ? null : toContainerInfo(answer.body as ContainerDocument);
    },

    async listContainers(labels, options) {
      const query = { all: "1", filters: JSON.stringify({ label: labels }) };
      const { body } = await transport.call(
        { method: "GET", path: "/containers/json", query },
        within(QUICK_MS, options),
      );
      return (body as ContainerListItem[]).map(toContainerSummary);
    },

    async createContainer(specification, options) {
      const { body } = await transport.call(
        {
          method: "POST",
          path: "/containers/create",
          query: { name: specification.name },
          body: containerCreateBody(specification),
        },
        within(QUICK_MS, options),
      );
      return (body as { Id: string }).Id;
    },

    async startContainer(id, options) {
      // 304, already running, is a success like the others below 400.
      await transport.call({ method: "POST", path: containerPath(id, "/start") }, within(START_MS, options));
    },

    async killContainer(id, signal, options) {
      const request = { method: "POST", path: containerPath(id, "/kill"), query: { signal } } as const;
      await nullWhen([404, 409], transport.call(request, within(QUICK_MS, options)));
    },

    async stopContainer(id, graceMs, options) {
      const query = { t: String(Math.ceil(graceMs / 1000)) };
      const request = { method: "POST", path: containerPath(id, "/stop"), query } as const;
      await unlessMissing(transport.call(request, within(graceMs + AFTER_GRACE_MS, options)));
    },

    async waitContainer(id, options) {
      const request = { method: "POST", path: containerPath(id, "/wait") } as const;
      // The head comes at once and proves that the engine took the call; the body lasts as long as the container runs.
      const deadlines = { headersTimeoutMs: QUICK_MS, idleTimeoutMs: options?.timeoutMs ?? null };
      const body = await readJson(await transport.stream(request, { ...deadlines, signal: options?.signal }));
      return { exitCode: (body as { StatusCode: number }).StatusCode };
    },

    async removeContainer(id, { force = false, volumes = false, ...options } = {}) {
      const query = { force: String(force), v: String(volumes) };
      const removal = transport.call({ method: "DELETE", path: containerPath(id), query }, within(START_MS, options));
      const answer = await nullWhen([404], removal).catch((error: unknown) => {
        if (isRemovalInProgress(error)) return null;
        throw error;
      });
      if (answer !== null) return;
      // Gone, or going by another's hand: this returns when it is gone.
      const waiting = { method: "POST", path: containerPath(id, "/wait"), query: { condition: "removed" } } as const;
      await unlessMissing(transport.call(waiting, within(START_MS, options)));
    },

    async putArchive(id, path, tar, options) {
      await transport.call(
        { method: "PUT", path: containerPath(id, "/archive"), query: { path }, upload: tar },
        within(ARCHIVE_MS, options),
      );
    },
  };
}

function isRemovalInProgress(error: unknown): boolean {
  return error instanceof DockerRequestError && error.statusCode === 409 && /already in progress/.test(error.message);
}

function unlessMissing<T>(answer: Promise<T>): Promise<T | null> {
  return nullWhen([404], answer);
}
