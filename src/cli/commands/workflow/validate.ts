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
  if (!documents.some(({ kind }) => kind === "Workflow")) {
    throw invalidDefinitions([{ file, line: 1, field: "", message: "holds no workflow", suggestion: null }], null);
  }
  return { data: { valid: true }, text: `${file} is valid` };
};
