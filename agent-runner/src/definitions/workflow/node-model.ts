import type { Path } from "../field-path.ts";
import type { Report } from "../report.ts";
import type { WorkflowModel } from "../workflow-definition.ts";
import type { WrittenModel } from "./workflow-schema.ts";

export function readModel(written: WrittenModel | undefined, path: Path, report: Report): WorkflowModel | null {
  if (written === undefined) return null;
  const { model: name, api_base, base_url, ...settings } = written;
  if (api_base !== undefined && base_url !== null)
    report([...path, "api_base"], "is another word for base_url: say one");
  return { ...settings, name, base_url: base_url ?? api_base ?? null };
}

/** Of the model that a node asks, the node's words before those of the whole workflow: a script and `scripted` go together. */
export function checkScript(
  { node, shared }: { node: WorkflowModel | null; shared: WorkflowModel | null },
  path: Path,
  report: Report,
): void {
  const provider = node?.provider ?? shared?.provider ?? null;
  const script = node?.script ?? shared?.script ?? null;
  if (provider === "scripted" && script === null) {
    report([...path, "llm", "script"], "is required with the provider scripted");
  }
  if (provider !== "scripted" && node?.script) report([...path, "llm", "script"], "needs the provider scripted");
}
