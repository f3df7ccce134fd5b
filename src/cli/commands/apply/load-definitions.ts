import type { ParsedDefinition } from "@stigmer/agent-runner/definitions";
import type { DefinitionIssue } from "../../../errors.ts";
import type { CommandContext } from "../../context.ts";
import { readDefinitionTexts } from "./definition-texts.ts";

export interface LoadedDefinitions {
  documents: ParsedDefinition[];
  /** All mistakes of all texts. */
  issues: DefinitionIssue[];
}

/** Reads all definitions of files, directories and standard input; what is ignored in them is warned of by name. */
export async function loadDefinitions(
  paths: string[],
  context: Pick<CommandContext, "cwd" | "stdin" | "warn">,
): Promise<LoadedDefinitions> {
  const texts = await readDefinitionTexts(paths, context);
  // The YAML parser and the schemas are loaded only here.
  const { loadDocuments } = await import("@stigmer/agent-runner/definitions");
  const loaded = texts.map(({ text, file }) => loadDocuments(text, file));
  for (const { file, line, field, message } of loaded.flatMap(({ warnings }) => warnings)) {
    context.warn(`${file}:${line}: ${field} ${message}`);
  }
  const documents = loaded.flatMap((one) => one.documents);
  return { documents, issues: [...loaded.flatMap(({ issues }) => issues), ...findRepeats(documents)] };
}

/** The last of two definitions of one name would win in silence. */
function findRepeats(documents: ParsedDefinition[]): DefinitionIssue[] {
  const first = new Map<string, ParsedDefinition>();
  return documents.flatMap((document) => {
    const key = `${document.kind} ${document.name}`;
    const other = first.get(key);
    if (other === undefined) first.set(key, document);
    if (other === undefined || other.file === document.file) return [];
    return {
      file: document.file,
      line: document.line,
      field: "",
      message: `${document.kind} "${document.name}" is defined in ${other.file} too`,
      suggestion: null,
    };
  });
}
