import { loadDocuments } from "@stigmer/agent-runner/definitions";
import type { WorkflowDefinition } from "@stigmer/agent-runner/workflow-definition";
import { AppError, type DefinitionIssue } from "../errors.ts";

export interface ReadWorkflow {
  source: Uint8Array;
  workflow: WorkflowDefinition;
  /** Where its nodes name an agent. */
  mentions: AgentMention[];
  warnings: string[];
}

export interface AgentMention {
  agent: string;
  field: string;
  line: number;
}

/**
 * Reads and validates the one workflow of a file.
 *
 * @param file is named in messages.
 * @throws AppError DEFINITION_INVALID with every mistake.
 */
export function readWorkflow(source: Uint8Array, file: string): ReadWorkflow {
  const { documents, issues, warnings } = loadDocuments(decode(source, file), file);
  if (issues.length > 0) throw invalid(file, issues);
  const [document, ...others] = documents;
  if (document?.kind !== "Workflow" || others.length > 0) {
    const line = others[0]?.line ?? document?.line ?? 1;
    const message = "must hold one workflow and nothing else; its agents come from --agents DIR";
    throw invalid(file, [{ file, line, field: "", message, suggestion: null }]);
  }
  // The parsed boundary: the loader has validated it.
  const workflow = document.definition as unknown as WorkflowDefinition;
  return { source, workflow, mentions: document.mentions, warnings: warnings.map(warningText) };
}

/** The mistakes of a file that is to be deployed. */
export function invalid(file: string, issues: DefinitionIssue[]): AppError {
  const count = `${issues.length} ${issues.length === 1 ? "mistake" : "mistakes"}`;
  return new AppError("DEFINITION_INVALID", `${count} in ${file}; nothing was written`, { issues });
}

/** The bytes go into the image as they are: what is read here must be what the server reads there. */
function decode(source: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(source);
  } catch {
    throw invalid(file, [{ file, line: null, field: "", message: "is not UTF-8", suggestion: null }]);
  }
}

function warningText({ file, line, field, message }: Omit<DefinitionIssue, "suggestion">): string {
  return `${file}${line === null ? "" : `:${line}`}: ${field === "" ? "" : `${field}: `}${message}`;
}
