import type { SupervisedName } from "./component.ts";

/** What a PID file turned out to name. Only `alive` has been proved to be ours (product.md §3). */
export type ObservedProcess =
  | { kind: "absent" }
  | { kind: "alive"; pid: number; runnerId: string | null; specHash: string | null; version: string }
  | { kind: "dead"; pid: number }
  | { kind: "stranger"; pid: number; detail: string }
  | { kind: "damaged"; detail: string };

/** A process of this instance that no PID file names. */
export interface StrayProcess {
  pid: number;
  component: string;
}

/** A container that carries this instance's labels. */
export interface OwnContainer {
  id: string;
  name: string;
  component: string;
  running: boolean;
  specHash: string | null;
  imageId: string;
  runnerId: string | null;
}

export type ObservedContainers =
  | {
      kind: "known";
      own: OwnContainer[];
      /** Who holds the agent-runner's name without our labels. */
      foreignHolder: { id: string; name: string; image: string } | null;
      /** What `agent_runner.image` means now; null when there is no such image. */
      wantedImageId: string | null;
    }
  | { kind: "unknown"; reason: string };

export type ObservedIdFile = { kind: "absent" } | { kind: "id"; id: string } | { kind: "damaged"; detail: string };

/** Everything of one home that runs or is recorded, at one moment. */
export interface Observed {
  processes: Partial<Record<SupervisedName, ObservedProcess>>;
  strays: StrayProcess[];
  containers: ObservedContainers;
  containerIdFile: ObservedIdFile;
}
