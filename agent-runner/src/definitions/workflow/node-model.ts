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

/** `config.llm`, whose script no node could read with another provider. */
export function readSharedModel(written: WrittenModel | undefined, report: Report): WorkflowModel | null {
  const path = ["config", "llm"];
  const model = readModel(written, path, report);
  if (model?.script && model.provider !== "scripted") report([...path, "script"], NEEDS_SCRIPTED);
  return model;
}

/** A script and the provider `scripted` go together, in the node's words or in those of its workflow. */
export function checkScript(
  { node, shared }: { node: WorkflowModel | null; shared: WorkflowModel | null },
  path: Path,
  report: Report,
): void {
  const provider = node?.provider ?? shared?.provider ?? null;
  const script = node?.script ?? (shared?.provider === provider ? shared?.script : null);
  if (provider === "scripted" && !script) report([...path, "llm", "script"], "is required with the provider scripted");
  if (provider !== "scripted" && node?.script) report([...path, "llm", "script"], NEEDS_SCRIPTED);
}

const NEEDS_SCRIPTED = "needs the provider scripted";
