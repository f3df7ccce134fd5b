import { toDisplayText } from "../../platform/display-text.ts";
import { invalidDefinitions } from "../../server/invalid-definitions.ts";
import type { ApplyReport, ApplyRequest } from "../../server/routes/definitions.ts";
import type { CommandHandler } from "../context.ts";
import { ensureServer } from "../ensure-server.ts";
import { loadDefinitions } from "./apply/load-definitions.ts";

export interface ApplyOptions {
  /** Files, directories, `-` for standard input. */
  files: string[];
  dryRun: boolean;
  start: boolean;
}

/** `stigmer apply`: everything is validated before the server is asked for anything. */
export const handle: CommandHandler<ApplyOptions> = async ({ files, dryRun, start }, context) => {
  const { documents, issues } = await loadDefinitions(files, context);
  if (issues.length > 0) throw invalidDefinitions(issues, "nothing was applied");

  const client = await ensureServer(context, { start });
  const request: ApplyRequest = {
    dryRun,
    documents: documents.map(({ line: _line, ...document }) => document),
  };
  const report = await client.request<ApplyReport>("POST", "/v1/apply", request);
  const suffix = report.dryRun ? " (dry run)" : "";
  const lines = report.results.map(
    ({ kind, name, action }) => `${kind.toLowerCase()}/${toDisplayText(name)} ${action}${suffix}`,
  );
  return { data: report, text: lines.join("\n") };
};
