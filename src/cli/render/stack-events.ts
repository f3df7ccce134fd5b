import type { ComponentName } from "../../stack/component.ts";
import type { StackEvent } from "../../stack/events.ts";
import { isColored } from "../color.ts";
import type { CommandContext } from "../context.ts";
import { createPaint } from "./paint.ts";
import { createSpinner, type Spinner } from "./spinner.ts";
import { stackLine } from "./stack-line.ts";

export interface StackRenderer {
  onEvent(event: StackEvent): void;
  /** Ends the spinner; nothing is drawn afterwards. */
  stop(): void;
}

type RendererContext = Pick<CommandContext, "globals" | "stderr" | "warn">;

/**
 * Prints what the supervisor says, on stderr: one line a component with its time, and on a terminal a spinner below
 * that names what is awaited. Silent with --quiet and --json, except that warnings go where warnings go.
 */
export function createStackRenderer(context: RendererContext): StackRenderer {
  const { globals, stderr } = context;
  const isSilent = globals.quiet || globals.json;
  // Whoever forbids colour gets the plain form: no escape sequence at all, so no line that is drawn over either.
  const isPlain = isSilent || !isColored(globals, stderr);
  const paint = createPaint(!isPlain);
  const spinner = isPlain || stderr.terminal === undefined ? null : createSpinner(stderr.terminal);
  const awaited = new Map<ComponentName, string>();
  return {
    onEvent(event) {
      if (event.type === "warning") print(spinner, () => context.warn(event.message));
      if (isSilent) return;
      followProgress(event, awaited);
      const line = event.type === "plan" && !globals.debug ? null : stackLine(event, paint);
      if (line !== null) print(spinner, () => stderr.write(`${line}\n`));
      spinner?.show([...awaited].map(([component, doing]) => `${doing} ${component}`).join(", "));
    },
    stop() {
      spinner?.stop();
    },
  };
}

function print(spinner: Spinner | null, write: () => void): void {
  if (spinner === null) write();
  else spinner.pause(write);
}

function followProgress(event: StackEvent, awaited: Map<ComponentName, string>): void {
  switch (event.type) {
    case "component.starting":
      awaited.set(event.component, "starting");
      break;
    case "component.stopping":
      awaited.set(event.component, "stopping");
      break;
    case "component.ready":
    case "component.stopped":
    case "component.failed":
      awaited.delete(event.component);
      break;
    case "plan":
    case "note":
    case "warning":
      break;
    default:
      event satisfies never;
  }
}
