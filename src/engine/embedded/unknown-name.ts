import { nearestName } from "@stigmer/agent-runner/nearest";
import { AppError } from "../../errors.ts";

/** NOT_FOUND for a name that nothing was applied under. */
export function unknownName(kind: "agent" | "workflow", name: string, known: string[]): AppError {
  const nearest = nearestName(name, known);
  const noun = kind === "agent" ? "an agent" : "a workflow";
  return new AppError(
    "NOT_FOUND",
    `There is no ${kind} "${name}"${nearest === null ? "" : ` (did you mean ${nearest}?)`}`,
    {
      hint: known.length === 0 ? `No ${kind} was applied yet` : `The ${kind}s are ${known.slice(0, 20).join(", ")}`,
      actions: [
        known.length === 0
          ? { label: `Apply ${noun}`, command: "stigmer apply -f FILE" }
          : { label: `List the ${kind}s`, command: `stigmer ${kind} list` },
      ],
    },
  );
}
