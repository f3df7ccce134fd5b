import { AppError, type DefinitionIssue } from "../errors.ts";

/** DEFINITION_INVALID with all mistakes. @param consequence what they led to, for `apply`: `nothing was applied` */
export function invalidDefinitions(issues: DefinitionIssue[], consequence: string | null): AppError {
  const files = new Set(issues.map(({ file }) => file)).size;
  const mistakes = `${issues.length} ${issues.length === 1 ? "mistake" : "mistakes"}`;
  const places = `${files} ${files === 1 ? "file" : "files"}`;
  const message = `${mistakes} in ${places}${consequence === null ? "" : `; ${consequence}`}`;
  return new AppError("DEFINITION_INVALID", message, { issues });
}
