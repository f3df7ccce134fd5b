/** Networks, volumes and images by label, and what else of a container has to do with names. */
import type { CallOptions } from "./engine.ts";
import { nullWhen } from "./errors.ts";
import { containerPath } from "./resource-path.ts";
import { type Transport, within } from "./transport.ts";

export interface NetworkSummary {
  id: string;
  name: string;
  labels: Record<string, string>;
}

export interface VolumeSummary {
  name: string;
  labels: Record<string, string>;
}

export interface ImageSummary {
  id: string;
  /** None: an intermediate stage, or an image whose name another one took. */
  tags: string[];
}

/** As in DockerEngine: "already gone" succeeds, and lists are of those that have every label. */
export interface ResourceCalls {
  renameContainer(id: string, name: string, options?: CallOptions): Promise<void>;
  /** A bridge. Refused with a DockerRequestError 409 when there is one of that name. */
  createNetwork(network: Omit<NetworkSummary, "id">, options?: CallOptions): Promise<string>;
  listNetworks(labels: string[], options?: CallOptions): Promise<NetworkSummary[]>;
  removeNetwork(id: string, options?: CallOptions): Promise<void>;
  /** What there is then under that name: the engine does not touch one that was there before. */
  createVolume(volume: VolumeSummary, options?: CallOptions): Promise<VolumeSummary>;
  listVolumes(labels: string[], options?: CallOptions): Promise<VolumeSummary[]>;
  removeVolume(name: string, options?: CallOptions): Promise<void>;
  listImages(labels: string[], options?: CallOptions): Promise<ImageSummary[]>;
}

const QUICK_MS = 10_000;
const REMOVE_MS = 60_000;

export function createResourceCalls(transport: Transport): ResourceCalls {
  async function list(path: string, labels: string[], options: CallOptions | undefined): Promise<unknown> {
    const query = { filters: JSON.stringify({ label: labels }) };
    return (await transport.call({ method: "GET", path, query }, within(QUICK_MS, options))).body;
  }

  async function remove(path: string, options: CallOptions | undefined): Promise<void> {
    await nullWhen([404], transport.call({ method: "DELETE", path }, within(REMOVE_MS, options)));
  }

  return {
    async renameContainer(id, name, options) {
      const request = { method: "POST", path: containerPath(id, "/rename"), query: { name } } as const;
      await transport.call(request, within(QUICK_MS, options));
    },

    async createNetwork({ labels, name }, options) {
      // CheckDuplicate: engines before 25 would make a second network of the same name.
      const body = { Name: name, Driver: "bridge", Labels: labels, CheckDuplicate: true };
      const answer = await transport.call(
        { method: "POST", path: "/networks/create", body },
        within(QUICK_MS, options),
      );
      return (answer.body as { Id: string }).Id;
    },

    async listNetworks(labels, options) {
      const networks = (await list("/networks", labels, options)) as NetworkDocument[];
      return networks.map(({ Id, Labels, Name }) => ({ id: Id, name: Name, labels: Labels ?? {} }));
    },

    removeNetwork: (id, options) => remove(`/networks/${encodeURIComponent(id)}`, options),

    async createVolume({ labels, name }, options) {
      const body = { Name: name, Labels: labels };
      const answer = await transport.call({ method: "POST", path: "/volumes/create", body }, within(QUICK_MS, options));
      return toVolumeSummary(answer.body as VolumeDocument);
    },

    async listVolumes(labels, options) {
      const { Volumes } = (await list("/volumes", labels, options)) as { Volumes: VolumeDocument[] | null };
      return (Volumes ?? []).map(toVolumeSummary);
    },

    removeVolume: (name, options) => remove(`/volumes/${encodeURIComponent(name)}`, options),

    async listImages(labels, options) {
      const images = (await list("/images/json", labels, options)) as { Id: string; RepoTags: string[] | null }[];
      // Older engines call what has no name by this one.
      return images.map(({ Id, RepoTags }) => ({
        id: Id,
        tags: (RepoTags ?? []).filter((tag) => tag !== "<none>:<none>"),
      }));
    },
  };
}

/** What is read of `GET /networks`. */
interface NetworkDocument {
  Id: string;
  Name: string;
  Labels: Record<string, string> | null;
}

/** What is read of `GET /volumes` and of `POST /volumes/create`. */
interface VolumeDocument {
  Name: string;
  Labels: Record<string, string> | null;
}

function toVolumeSummary({ Labels, Name }: VolumeDocument): VolumeSummary {
  return { name: Name, labels: Labels ?? {} };
}
