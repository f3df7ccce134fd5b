import { AppError, type DefinitionIssue } from "../../errors.ts";
import type { ApplyReport } from "../../server/routes/definitions.ts";
import type { CommandHandler } from "../context.ts";
import { ensureServer } from "../ensure-server.ts";
import { readDefinitionTexts } from "./apply/definition-texts.ts";

export interface ApplyOptions {
  /** Files, directories, `-` for standard input. */
  files: string[];
  dryRun: boolean;
  start: boolean;
}

/** `stigmer apply`: everything is validated before the server is asked for anything. */
export const handle: CommandHandler<ApplyOptions> = async ({ files, dryRun, start }, context) => {
  const texts = await readDefinitionTexts(files, context);
  // The YAML parser and the schemas are loaded only here.
  const { loadDocuments } = await import("@stigmer/agent-runner/definitions");
  const loaded = texts.map(({ text, file }) => loadDocuments(text, file));
  const documents = loaded.flatMap((one) => one.documents);
  const issues: DefinitionIssue[] = [...loaded.flatMap((one) => one.issues), ...findRepeats(documents)];
  if (issues.length > 0) throw invalid(issues);

  const client = await ensureServer(context, { start });
  const report = await client.request<ApplyReport>("POST", "/v1/apply", {
    dryRun,
    documents: documents.map(({ kind, name, definition, file }) => ({ kind, name, definition, file })),
  });
  const suffix = report.dryRun ? " (dry run)" : "";
  const lines = report.results.map(({ kind, name, action }) => `${kind.toLowerCase()}/${name} ${action}${suffix}`);
  return { data: report, text: lines.join("\n") };
};

interface Named {
  kind: string;
  name: string;
  file: string;
  line: number;
}

/** The last of two definitions of one name would win in silence. */
function findRepeats(documents: Named[]): DefinitionIssue[] {
  const first = new Map<string, Named>();
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

function invalid(issues: DefinitionIssue[]): AppError {
  const files = new Set(issues.map(({ file }) => file)).size;
  const count = `${issues.length} ${issues.length === 1 ? "mistake" : "mistakes"}`;
  return new AppError(
    "DEFINITION_INVALID",
    `${count} in ${files} ${files === 1 ? "file" : "files"}; nothing was applied`,
    {
      issues,
    },
  );
}
