import type { ContainerInfo, ContainerState, ContainerSummary } from "./engine.ts";

/** What is read of `GET /containers/<id>/json`. */
export interface ContainerDocument {
  Id: string;
  Name: string;
  Created: string;
  Image: string;
  Config: { Image: string; Labels: Record<string, string> | null; Env: string[] | null; Tty?: boolean };
  State: {
    Status: ContainerState["status"];
    Running: boolean;
    Pid: number;
    ExitCode: number;
    OOMKilled: boolean;
    Error: string;
    StartedAt: string;
    FinishedAt: string;
  };
  NetworkSettings?: { Networks?: Record<string, object> | null };
}

/** What is read of one entry of `GET /containers/json`. */
export interface ContainerListItem {
  Id: string;
  Names: string[] | null;
  Image: string;
  ImageID: string;
  /** Seconds since the epoch. */
  Created: number;
  Labels: Record<string, string> | null;
  State: string;
  Mounts?: { Name?: string }[] | null;
}

export function toContainerInfo(document: ContainerDocument): ContainerInfo {
  const { Config, State } = document;
  return {
    id: document.Id,
    name: withoutSlash(document.Name),
    image: Config.Image,
    imageId: document.Image,
    labels: Config.Labels ?? {},
    createdAt: document.Created,
    env: Config.Env ?? [],
    state: {
      status: State.Status,
      running: State.Running,
      pid: State.Pid,
      exitCode: State.ExitCode,
      oomKilled: State.OOMKilled,
      error: State.Error,
      startedAt: State.StartedAt,
      finishedAt: State.FinishedAt,
    },
  };
}

export function toContainerSummary(item: ContainerListItem): ContainerSummary {
  // Legacy links add names with a second slash; the container's own has one.
  const own = item.Names?.find((name) => name.lastIndexOf("/") === 0) ?? item.Names?.[0] ?? "";
  return {
    id: item.Id,
    name: withoutSlash(own),
    image: item.Image,
    imageId: item.ImageID,
    labels: item.Labels ?? {},
    running: item.State === "running",
  };
}

function withoutSlash(name: string): string {
  return name.replace(/^\//, "");
}
