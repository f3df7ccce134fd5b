import type { StackEvent } from "../stack/events.ts";
import type { Log } from "./deps.ts";

/** Writes what the supervisor does into the server's own log. */
export function logEvent(log: Log, event: StackEvent): void {
  switch (event.type) {
    case "plan":
      for (const line of event.lines) log.debug(`plan: ${line}`);
      return;
    case "component.starting":
      log.info(`${event.component} starting`);
      return;
    case "component.ready":
      log.info(`${event.component} ready in ${event.durationMs} ms (${event.detail})`);
      return;
    case "component.stopping":
      log.info(`${event.component} stopping`);
      return;
    case "component.stopped":
      log.info(`${event.component} ${event.killed ? "killed" : "stopped"} after ${event.durationMs} ms`);
      return;
    case "component.failed":
      log.error(`${event.component} failed: ${event.error.message}`);
      return;
    case "note":
      log.info(event.message);
      return;
    case "warning":
      log.warn(event.message);
      return;
    default:
      event satisfies never;
  }
}
