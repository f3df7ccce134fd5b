import { dirname, resolve } from "node:path";
import { type Document, LineCounter, parseAllDocuments } from "yaml";
import type { Json } from "../protocol/messages.ts";
import { type AgentDefinition, agentSchema, type WrittenAgent } from "./agent-schema.ts";
import { lineOf } from "./document-lines.ts";
import { explainIssue } from "./explain-issue.ts";
import { fieldOf, type Path } from "./field-path.ts";
import { nearestName } from "./nearest.ts";
import { readSkill, SkillMistake, type StoredSkill } from "./skills.ts";

export interface ParsedDefinition {
  kind: "Agent" | "Workflow";
  name: string;
  /** Validated, with every default filled in and keys in the schema's order: equal texts give equal JSON. */
  definition: Json;
  file: string;
  /** Where the document begins, from 1. */
  line: number;
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

export interface LoadedDocuments {
  documents: ParsedDefinition[];
  issues: DefinitionMistake[];
}

/**
 * Reads all definitions of a text in YAML (several documents, parted by `---`) or JSON, and finds every mistake at once.
 * @param file is told in the results; the folders of skills are relative to its own.
 */
export function loadDocuments(text: string, file: string): LoadedDocuments {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  const loaded: LoadedDocuments = { documents: [], issues: [] };
  const documents = Array.isArray(parsed) ? parsed.filter(hasContents) : [];
  if (documents.length === 0) {
    loaded.issues.push({ file, line: 1, field: "", message: "holds no definition", suggestion: null });
  }
  for (const document of documents) loadDocument({ document, lines, file, loaded });
  loaded.issues.sort((left, right) => (left.line ?? 0) - (right.line ?? 0));
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
  const report = (path: Path, message: string, suggestion: string | null = null) => {
    loaded.issues.push({ file, line: lineOf(document, lines, path), field: fieldOf(path), message, suggestion });
  };
  switch (recognize(data)) {
    case "agent":
      loadAgent(step, data, report);
      return;
    case "workflow":
      report(["flow"], "workflows are not part of this version yet");
      return;
    case "unknown": {
      const kind = isRecord(data) ? data["kind"] : undefined;
      const nearest = typeof kind === "string" ? nearestName(kind, ["Agent"]) : null;
      const given = typeof kind === "string" ? `kind "${kind}" is unknown: ` : "";
      report(["kind"], `${given}a definition has kind: Agent, or schema_version and flow`, nearest);
    }
  }
}

type Report = (path: Path, message: string, suggestion?: string | null) => void;

function loadAgent({ document, lines, file, loaded }: LoadStep, data: unknown, report: Report): void {
  const result = agentSchema.safeParse(data);
  const issues = result.error?.issues ?? [];
  for (const { path, message, suggestion } of issues.flatMap((issue) => explainIssue(agentSchema, data, issue))) {
    report(path, message, suggestion);
  }
  if (!result.success) return;
  const agent = result.data;
  const { name } = agent.metadata;
  if (agent.spec.execution.mode === "sandbox") {
    report(["spec", "execution", "mode"], "sandboxes are not part of this version yet: use mode local");
    return;
  }
  if (loaded.documents.some((other) => other.kind === "Agent" && other.name === name)) {
    report(["metadata", "name"], `a second agent with the name "${name}"`);
    return;
  }
  declareServerVariables(agent.spec);
  const skills = readSkills(agent.spec.skills, dirname(file), report);
  if (skills === null) return;
  const stored: AgentDefinition = { ...agent, spec: { ...agent.spec, skills } };
  const definition = JSON.parse(JSON.stringify(stored)) as Json;
  loaded.documents.push({ kind: "Agent", name, definition, file, line: lineOf(document, lines, []) });
}

/** What an MCP server asks for is a variable of the agent, even where only the server names it; a secret to be safe. */
function declareServerVariables({ env, mcp_servers: servers }: WrittenAgent["spec"]): void {
  for (const name of servers.flatMap((server) => server.env)) {
    if (!env.some((variable) => variable.name === name)) env.push({ name, secret: true, required: false });
  }
}

/** Null when one of them is no skill, which is then reported. */
function readSkills(paths: string[], base: string, report: Report): StoredSkill[] | null {
  const skills: StoredSkill[] = [];
  for (const [index, path] of paths.entries()) {
    const mistake = (message: string) => report(["spec", "skills", index], message);
    try {
      const skill = readSkill(resolve(base, path));
      if (skills.some(({ name }) => name === skill.name)) mistake(`a second skill with the name "${skill.name}"`);
      skills.push(skill);
    } catch (error) {
      if (!(error instanceof SkillMistake)) throw error;
      mistake(error.message);
    }
  }
  return new Set(skills.map(({ name }) => name)).size === paths.length ? skills : null;
}

function recognize(data: unknown): "agent" | "workflow" | "unknown" {
  if (!isRecord(data)) return "unknown";
  if (data["kind"] === "Agent") return "agent";
  return "flow" in data || "schema_version" in data ? "workflow" : "unknown";
}

/** Aliases may expand to 100 nodes each at most: a few lines must not fill the memory. */
function readData({ document, loaded, file, lines }: LoadStep): unknown | undefined {
  try {
    return document.toJS({ maxAliasCount: 100 });
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
