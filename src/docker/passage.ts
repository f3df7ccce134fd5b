import type { ContainerDocument, ContainerListItem } from "./container-documents.ts";
import { nullWhen } from "./errors.ts";
import { containerPath } from "./resource-path.ts";
import type { RunnerEngine } from "./runner-engine.ts";
import { type StreamOptions, type Transport, within } from "./transport.ts";

export type Passage = Pick<
  RunnerEngine,
  | "countCpus"
  | "inspect"
  | "list"
  | "create"
  | "removeVolume"
  | "volumeOptions"
  | "findNetwork"
  | "readLogs"
  | "readEvents"
>;

/** A caller hears of a daemon that hangs within 15 s (docker-runner.md §3), also when a second call comes first. */
const QUICK_MS = 10_000;

/** Calls whose answers pass through. */
export function createPassage(transport: Transport): Passage {
  async function open(path: string, query: Record<string, string>, signal: AbortSignal) {
    const deadlines: StreamOptions = { headersTimeoutMs: QUICK_MS, idleTimeoutMs: null, signal };
    return (await transport.stream({ method: "GET", path, query }, deadlines)).chunks;
  }

  return {
    async countCpus(options) {
      const { body } = await transport.call({ method: "GET", path: "/info" }, within(QUICK_MS, options));
      return (body as { NCPU: number }).NCPU;
    },

    async inspect(idOrName, options) {
      const request = { method: "GET", path: containerPath(idOrName, "/json") } as const;
      const { body, text } = await transport.call(request, within(QUICK_MS, options));
      return { document: body as ContainerDocument, text };
    },

    async list(filters, { all, ...options }) {
      const query = { all: String(all), filters: JSON.stringify(filters) };
      const { body } = await transport.call(
        { method: "GET", path: "/containers/json", query },
        within(QUICK_MS, options),
      );
      return body as ContainerListItem[];
    },

    async create({ body, name, platform }, options) {
      const query = { ...(name === null ? {} : { name }), ...(platform === null ? {} : { platform }) };
      const request = { method: "POST", path: "/containers/create", query, body } as const;
      const answer = await transport.call(request, within(QUICK_MS, options));
      return (answer.body as { Id: string }).Id;
    },

    async removeVolume(name, { force, ...options }) {
      const request = { method: "DELETE", path: volumePath(name), query: { force: String(force) } } as const;
      await nullWhen([404], transport.call(request, within(QUICK_MS, options)));
    },

    async volumeOptions(name, options) {
      const request = { method: "GET", path: volumePath(name) } as const;
      const answer = await nullWhen([404], transport.call(request, within(QUICK_MS, options)));
      return answer === null ? null : ((answer.body as { Options: Record<string, string> | null }).Options ?? {});
    },

    async findNetwork(nameOrId, options) {
      const request = { method: "GET", path: `/networks/${encodeURIComponent(nameOrId)}` } as const;
      const answer = await nullWhen([404], transport.call(request, within(QUICK_MS, options)));
      if (answer === null) return null;
      const { Driver, Name } = answer.body as { Driver: string; Name: string };
      return { name: Name, driver: Driver };
    },

    readLogs: (containerId, query, { signal }) => open(containerPath(containerId, "/logs"), query, signal),
    readEvents: (query, { signal }) => open("/events", query, signal),
  };
}

function volumePath(name: string): string {
  return `/volumes/${encodeURIComponent(name)}`;
}
