import { type Document, LineCounter, parseAllDocuments } from "yaml";
import type { Json } from "../protocol/messages.ts";
import type { AgentDefinition } from "./agent-schema.ts";
import { lineOf } from "./document-lines.ts";
import { fieldOf, type Path } from "./field-path.ts";
import { holdsItself } from "./holds-itself.ts";
import { loadAgent } from "./load-agent.ts";
import { type AgentMention, loadWorkflow } from "./load-workflow.ts";
import { nearestName } from "./nearest.ts";
import type { Report } from "./report.ts";
import type { WorkflowDefinition } from "./workflow-definition.ts";

export interface ParsedDefinition {
  kind: "Agent" | "Workflow";
  name: string;
  /** Validated, with every default filled in and keys in the schema's order: equal texts give equal JSON. */
  definition: { [key: string]: Json };
  file: string;
  /** Where the document begins, from 1. */
  line: number;
  /** The agents that a workflow's nodes run; they need not be in the same text. */
  mentions: AgentMention[];
}

/** One mistake. `suggestion` is the bare nearest name, e.g. `max_steps`. */
export interface DefinitionMistake {
  file: string;
  line: number | null;
  /** `spec.tools[1]`; empty for the document as a whole. */
  field: string;
  message: string;
  suggestion: string | null;
}

/** Something in a good definition that has no effect. */
export type DefinitionWarning = Omit<DefinitionMistake, "suggestion">;

export interface LoadedDocuments {
  documents: ParsedDefinition[];
  issues: DefinitionMistake[];
  warnings: DefinitionWarning[];
}

/**
 * Reads all definitions of a text in YAML (several documents, parted by `---`) or JSON, and finds every mistake at once.
 * @param file is told in the results; the folders of skills are relative to its own.
 */
export function loadDocuments(text: string, file: string): LoadedDocuments {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, logLevel: "error" });
  const loaded: LoadedDocuments = { documents: [], issues: [], warnings: [] };
  const documents = Array.isArray(parsed) ? parsed.filter(hasContents) : [];
  if (documents.length === 0) {
    loaded.issues.push({ file, line: 1, field: "", message: "holds no definition", suggestion: null });
  }
  for (const document of documents) loadDocument({ document, lines, file, loaded });
  for (const told of [loaded.issues, loaded.warnings]) {
    told.sort((left, right) => (left.line ?? 0) - (right.line ?? 0));
  }
  return loaded;
}

interface LoadStep {
  document: Document.Parsed;
  lines: LineCounter;
  file: string;
  loaded: LoadedDocuments;
}

function loadDocument(step: LoadStep): void {
  const { document, lines, file, loaded } = step;
  if (document.errors.length > 0) {
    for (const error of document.errors) {
      const { line } = lines.linePos(error.pos[0]);
      loaded.issues.push({ file, line, field: "", message: `is no valid YAML: ${error.message}`, suggestion: null });
    }
    return;
  }
  const data = readData(step);
  if (data === undefined) return;
  const lineAt = (path: Path) => lineOf(document, lines, path);
  const reportAt = (line: number, path: Path, message: string, suggestion: string | null = null) => {
    loaded.issues.push({ file, line, field: fieldOf(path), message, suggestion });
  };
  const warnAt = (line: number, path: Path, message: string) => {
    loaded.warnings.push({ file, line, field: fieldOf(path), message });
  };
  const report: Report = (path, ...rest) => reportAt(lineAt(path), path, ...rest);
  switch (recognize(data)) {
    case "agent": {
      const agent = loadAgent(data, file, report);
      if (agent === null) return;
      const name = { path: ["metadata", "name"], text: agent.metadata.name };
      keep(step, { kind: "Agent", name, definition: agent, mentions: [] }, report);
      return;
    }
    case "workflow": {
      const loadedWorkflow = loadWorkflow(data, { lineAt, reportAt, warnAt });
      if (loadedWorkflow === null) return;
      const { workflow, mentions } = loadedWorkflow;
      const name = { path: ["flow", "name"], text: workflow.flow.name };
      keep(step, { kind: "Workflow", name, definition: workflow, mentions }, report);
      return;
    }
    case "unknown": {
      const kind = isRecord(data) ? data["kind"] : undefined;
      const nearest = typeof kind === "string" ? nearestName(kind, ["Agent"]) : null;
      const given = typeof kind === "string" ? `kind "${kind}" is unknown: ` : "";
      report(["kind"], `${given}a definition has kind: Agent, or schema_version and flow`, nearest);
    }
  }
}

interface ReadDefinition {
  kind: ParsedDefinition["kind"];
  name: { path: Path; text: string };
  definition: AgentDefinition | WorkflowDefinition;
  mentions: AgentMention[];
}

function keep({ document, lines, file, loaded }: LoadStep, read: ReadDefinition, report: Report): void {
  const { kind, name, mentions } = read;
  if (loaded.documents.some((other) => other.kind === kind && other.name === name.text)) {
    report(name.path, `a second ${kind.toLowerCase()} with the name "${name.text}"`);
    return;
  }
  const definition = JSON.parse(JSON.stringify(read.definition)) as ParsedDefinition["definition"];
  const line = lineOf(document, lines, []);
  loaded.documents.push({ kind, name: name.text, definition, file, line, mentions });
}

function recognize(data: unknown): "agent" | "workflow" | "unknown" {
  if (!isRecord(data)) return "unknown";
  if (data["kind"] === "Agent") return "agent";
  return ["flow", "schema_version", "nodes"].some((key) => key in data) ? "workflow" : "unknown";
}

/** Aliases may expand to 100 nodes each at most: a few lines must not fill the memory. */
function readData({ document, loaded, file, lines }: LoadStep): unknown | undefined {
  try {
    const data: unknown = document.toJS({ maxAliasCount: 100 });
    if (holdsItself(data)) throw new Error("an alias (*) stands inside of what it repeats (&)");
    return data;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    loaded.issues.push({ file, line: lineOf(document, lines, []), field: "", message, suggestion: null });
    return undefined;
  }
}

function hasContents(document: Document.Parsed): boolean {
  return document.contents !== null || document.errors.length > 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
