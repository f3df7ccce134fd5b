import type { SupervisedName } from "./component.ts";

/** One thing to do. `reason` is for people; nothing decides by it. */
export type Operation =
  | { kind: "forget-pid-file"; component: SupervisedName; reason: string }
  | { kind: "forget-container-id"; reason: string }
  | { kind: "record-container-id"; id: string }
  | { kind: "terminate-process"; component: SupervisedName; pid: number; reason: string }
  | { kind: "terminate-stray"; component: string; pid: number }
  | { kind: "adopt-process"; component: SupervisedName; pid: number }
  | { kind: "spawn-process"; component: SupervisedName }
  | { kind: "remove-container"; component: string; id: string; running: boolean; reason: string }
  | ({ kind: "adopt-container"; component: SupervisedName } & ExistingContainer)
  | ({ kind: "start-container"; component: SupervisedName } & ExistingContainer)
  | {
      kind: "create-container";
      component: SupervisedName;
      name: string;
      image: string;
      /** What the image's name means now, as far as it is known. */
      imageId: string | null;
    };

/** A container of ours that goes on. */
export interface ExistingContainer {
  id: string;
  runnerId: string | null;
  imageId: string;
}

/**
 * What to do, in order: everything of `recovery` before anything of `start`; the waves of `start` one after the
 * other, a wave's operations at once.
 */
export interface Plan {
  recovery: Operation[];
  start: Operation[][];
  /** Told to the user, nothing is done about them. */
  warnings: string[];
}

/** The plan as text, one line an operation: what `--dry-run`, `--debug` and the tests show. */
export function formatPlan(plan: Plan): string[] {
  return [...plan.recovery, ...plan.start.flat()].map(formatOperation);
}

function formatOperation(operation: Operation): string {
  switch (operation.kind) {
    case "forget-pid-file":
      return `${operation.component}: delete its PID file (${operation.reason})`;
    case "forget-container-id":
      return `agent-runner: delete its container-ID file (${operation.reason})`;
    case "record-container-id":
      return `agent-runner: record container ${shortId(operation.id)}`;
    case "terminate-process":
      return `${operation.component}: end process ${operation.pid} (${operation.reason})`;
    case "terminate-stray":
      return `${operation.component}: end process ${operation.pid} (no PID file names it)`;
    case "adopt-process":
      return `${operation.component}: keep process ${operation.pid}`;
    case "spawn-process":
      return `${operation.component}: start a process`;
    case "remove-container":
      return `${operation.component}: ${operation.running ? "stop and remove" : "remove"} container ${shortId(operation.id)} (${operation.reason})`;
    case "adopt-container":
      return `${operation.component}: keep container ${shortId(operation.id)}`;
    case "start-container":
      return `${operation.component}: start container ${shortId(operation.id)} again`;
    case "create-container":
      return `${operation.component}: create container ${operation.name} from ${operation.image}`;
    default:
      return unreachable(operation);
  }
}

function shortId(id: string): string {
  return id.slice(0, 12);
}

function unreachable(operation: never): never {
  throw new Error(`unknown operation ${JSON.stringify(operation)}`);
}
