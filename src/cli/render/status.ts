import type { ComponentState, ComponentStatus, ProcessStatus, StackState, StackStatus } from "../../stack/component.ts";
import { formatAge } from "./duration-text.ts";
import { createPaint, type Paint, type Style } from "./paint.ts";
import { renderTable } from "./table.ts";

export interface StatusRenderOptions {
  color: boolean;
  /** For uptimes: milliseconds since the epoch. */
  nowMs: number;
}

/** `server status` for people: the state, a line a component, and below each what it last died of. No final newline. */
export function renderStatus(status: StackStatus, options: StatusRenderOptions): string {
  const paint = createPaint(options.color);
  const heading = `Stack ${paint(STACK_STYLES[status.state], status.state)}  ${paint("dim", `${status.home} (${status.version})`)}`;
  const rows = status.components.map((component) => ({
    cells: cellsOf(component, options.nowMs, paint),
    below: notesOf(component, options.nowMs),
  }));
  const table = renderTable(["COMPONENT", "STATE", "ID", "UPTIME", "RESTARTS", "DETAIL"], rows, paint);
  const lines = [heading, ...(rows.length === 0 ? [] : ["", table])];
  if (status.queue !== undefined && status.queue.queued + status.queue.running > 0) {
    lines.push("", `Executions: ${status.queue.running} running, ${status.queue.queued} queued`);
  }
  return lines.join("\n");
}

function cellsOf(component: ComponentStatus, nowMs: number, paint: Paint): string[] {
  const { startedAt, restarts, state } = component;
  return [
    component.name,
    paint(STATE_STYLES[state], state),
    idOf(component),
    startedAt === null ? "-" : formatAge(nowMs - Date.parse(startedAt)),
    String(restarts),
    detailOf(component),
  ];
}

function idOf(component: ComponentStatus): string {
  if (component.runtime === "process") return component.pid === null ? "-" : `pid ${component.pid}`;
  return component.containerId?.slice(0, 12) ?? "-";
}

function detailOf(component: ComponentStatus): string {
  if (component.message !== null) return component.message;
  if (component.runtime === "container") return component.image;
  return [component.endpoint, heldBy(component)].filter((part) => part != null).join(", ");
}

function heldBy({ containers }: ProcessStatus): string | null {
  if (containers == null) return null;
  return `holds ${containers} ${containers === 1 ? "container" : "containers"}`;
}

/** Why it is not as it should be, under its line. */
function notesOf(component: ComponentStatus, nowMs: number): string[] {
  const { lastExit, nextRetryAt } = component;
  const notes: string[] = [];
  if (lastExit !== null) notes.push(`last exit ${formatAge(nowMs - Date.parse(lastExit.at))} ago: ${lastExit.reason}`);
  if (nextRetryAt !== null && component.state === "backoff") {
    notes.push(`next try in ${formatAge(Date.parse(nextRetryAt) - nowMs)}`);
  }
  return notes;
}

const STACK_STYLES: Record<StackState, Style> = {
  ready: "green",
  starting: "cyan",
  degraded: "yellow",
  stopped: "dim",
  unknown: "yellow",
};

const STATE_STYLES: Record<ComponentState, Style> = {
  ready: "green",
  starting: "cyan",
  stopping: "cyan",
  unhealthy: "yellow",
  backoff: "yellow",
  unknown: "yellow",
  failed: "red",
  stopped: "dim",
};
