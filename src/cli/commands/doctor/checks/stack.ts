import type { StackStatus } from "../../../../stack/component.ts";
import { type Check, pass, skip, warn } from "../check.ts";

/** How the stack is now; none of it prevents a start. */
export function checkStack(status: StackStatus): Check {
  const { state, components } = status;
  if (state === "ready") return pass("stack", `ready: ${components.map(({ name }) => name).join(", ")}`);
  if (state === "stopped") return skip("stack", "it does not run");
  const unwell = components.filter((component) => component.state !== "ready" && component.state !== "stopped");
  const reasons = unwell.map(({ name, state: is, message, lastExit }) => {
    const why = message ?? lastExit?.reason;
    return `${name} is ${is}${why ? ` (${why})` : ""}`;
  });
  return warn("stack", [state, ...reasons].join(": "), "stigmer server status, then: stigmer server start");
}
