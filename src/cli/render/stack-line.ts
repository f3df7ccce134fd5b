import type { StackEvent } from "../../stack/events.ts";
import { formatElapsed } from "./duration-text.ts";
import type { Paint } from "./paint.ts";

/** Wide enough for the longest name of a component. */
const NAME_WIDTH = "workflow-runner".length;

/** The line that one event is worth, or null for those that only a spinner shows. */
export function stackLine(event: StackEvent, paint: Paint): string | null {
  switch (event.type) {
    case "plan":
      return event.lines.map((line) => paint("dim", `  ${line}`)).join("\n") || null;
    case "component.ready": {
      const detail = event.detail === "" ? "" : `  ${paint("dim", event.detail)}`;
      return componentLine(paint("green", "✔"), event.component, `${readiness(event)}${detail}`);
    }
    case "component.stopped": {
      const how = event.killed ? "killed after" : "stopped in";
      const mark = event.killed ? paint("yellow", "!") : paint("green", "✔");
      return componentLine(mark, event.component, `${how} ${formatElapsed(event.durationMs)}`);
    }
    case "component.failed":
      return componentLine(paint("red", "✖"), event.component, `failed: ${event.error.message}`);
    case "note":
      return event.message;
    case "warning":
    case "component.starting":
    case "component.stopping":
      return null;
    default:
      return event satisfies never;
  }
}

function readiness({ adopted, durationMs }: Extract<StackEvent, { type: "component.ready" }>): string {
  if (!adopted) return `ready in ${formatElapsed(durationMs)}`;
  return durationMs === 0 ? "ready already" : `ready, adopted in ${formatElapsed(durationMs)}`;
}

function componentLine(mark: string, component: string, text: string): string {
  return `${mark} ${component.padEnd(NAME_WIDTH)}  ${text}`;
}
