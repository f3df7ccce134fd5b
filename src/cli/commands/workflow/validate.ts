import { invalidDefinitions } from "../../../server/invalid-definitions.ts";
import type { CommandHandler } from "../../context.ts";
import { loadDefinitions } from "../apply/load-definitions.ts";

export interface WorkflowValidateOptions {
  /** `-` for standard input. */
  file: string;
}

/** `stigmer workflow validate`: needs no server and no home. Whether an `agent:` was applied, only `apply` can say. */
export const handle: CommandHandler<WorkflowValidateOptions> = async ({ file }, context) => {
  const { documents, issues } = await loadDefinitions([file], context);
  if (issues.length > 0) throw invalidDefinitions(issues, null);
  const files = [...new Set(documents.map((document) => document.file))];
  if (!documents.some(({ kind }) => kind === "Workflow")) {
    const mistakes = files.map((name) => ({
      file: name,
      line: 1,
      field: "",
      message: "holds no workflow",
      suggestion: null,
    }));
    throw invalidDefinitions(mistakes, null);
  }
  return { data: { valid: true }, text: files.map((name) => `${name} is valid`).join("\n") };
};
