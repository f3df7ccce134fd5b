import { isName, parsePath } from "../../workflow/state-path.ts";
import { parseTemplate, placeholdersOf } from "../../workflow/template.ts";
import type { Path } from "../field-path.ts";
import type { Report, ReportMissing } from "../report.ts";
import type { NodeTool, StatePath, ValueType, WorkflowModel, WorkflowNode } from "../workflow-definition.ts";
import { type KnownFields, resolvePath } from "./known-fields.ts";
import { checkScript, readModel } from "./node-model.ts";
import { readOutput } from "./node-output.ts";
import type { WrittenNode, WrittenTool } from "./workflow-schema.ts";

export interface NodeContext {
  path: Path;
  known: KnownFields;
  /** `config.llm`. */
  shared: WorkflowModel | null;
  report: Report;
  reportMissing: ReportMissing;
  /** Tells what has no effect. */
  warn: Report;
}

/** One node of the written form. What is reported may leave it in any shape. */
export function readNode(written: WrittenNode, context: NodeContext): WorkflowNode {
  const { path, report } = context;
  const { id, name, description, outputs } = written;
  const inputs = readInputs(written, context);
  const llm = readModel(written.llm, [...path, "llm"], report);
  const node: WorkflowNode = {
    id,
    name,
    description,
    prompt: written.prompt ?? null,
    agent: written.agent ?? null,
    inputs: Object.fromEntries(inputs.map(({ local, reference }) => [local, reference])),
    output: null,
    outputs,
    tools: readTools(written, context),
    llm,
  };
  if (refuseSandbox(written, context)) return node;
  checkTask(written, context);
  checkPrompt(written, new Map(inputs.map(({ local, type }) => [local, type])), context);
  if (written.prompt !== undefined) checkScript({ node: llm, shared: context.shared }, path, report);
  return { ...node, output: readOutput(written, context) };
}

function refuseSandbox({ id, code, sandbox }: WrittenNode, { path, report }: NodeContext): boolean {
  const key = code === undefined ? "sandbox" : "code";
  if (code === undefined && sandbox === undefined) return false;
  report([...path, key], `code and sandboxes are not part of this version yet: the node "${id}" has ${key}`);
  return true;
}

function checkTask({ id, prompt, agent, tools, llm }: WrittenNode, context: NodeContext): void {
  const { path, report, reportMissing, warn } = context;
  if (prompt === undefined && agent === undefined) {
    reportMissing(path, ["prompt", "agent"], `is required: the node "${id}" has neither prompt nor agent`);
  }
  if (agent === undefined) return;
  if (prompt !== undefined) report([...path, "agent"], `must not stand beside prompt: the node "${id}" has both`);
  if (tools.length > 0) warn([...path, "tools"], "is ignored: an agent brings its own tools");
  if (llm !== undefined) warn([...path, "llm"], "is ignored: an agent brings its own model");
}

interface ReadInput {
  local: string;
  reference: StatePath;
  type: ValueType | null;
}

function readInputs({ inputs }: WrittenNode, { path, known, report }: NodeContext): ReadInput[] {
  return Object.entries(inputs).map(([local, text]) => {
    const at = [...path, "inputs", local];
    if (!isName(local)) report(at, "must be a name of letters, digits and _, so that the prompt can spell it");
    if (local === "state") report(at, "must have another name: state is the state as a whole");
    const reference = parsePath(text)?.path;
    if (reference === undefined) {
      if (text !== "") report(at, `must be a reference such as state.topic, not ${JSON.stringify(text)}`);
      return { local, reference: [], type: null };
    }
    const resolved = resolvePath(reference, known);
    if (!resolved.found) report(at, resolved.message, resolved.suggestion);
    return { local, reference, type: resolved.found ? resolved.type : null };
  });
}

function checkPrompt({ prompt }: WrittenNode, locals: KnownFields, { path, known, report }: NodeContext): void {
  const template = parseTemplate(prompt ?? "");
  const at = [...path, "prompt"];
  for (const { message } of template.mistakes) report(at, message);
  const told = new Set<string>();
  for (const { path: reference, ofState, text } of placeholdersOf(template)) {
    const readable = ofState ? known : new Map([...known, ...locals]);
    const resolved = resolvePath(reference, readable);
    if (resolved.found || told.has(text)) continue;
    told.add(text);
    const message = `{${text}} stands for nothing: ${resolved.message}`;
    report(at, ofState || locals.size === 0 ? message : `${message}, nor have the inputs`, resolved.suggestion);
  }
}

function readTools({ tools }: WrittenNode, { path, report }: NodeContext): NodeTool[] {
  const read: NodeTool[] = [];
  for (const [index, tool] of tools.entries()) {
    const { name: written, on_error } = typeof tool === "string" ? { name: tool, on_error: "fail" as const } : tool;
    const name = toolNamed(written);
    if (read.some((other) => other.name === name)) {
      report([...path, "tools", index], `names the tool "${name}" a second time`);
    }
    read.push({ name, on_error });
  }
  return read;
}

function toolNamed(written: WrittenTool): NodeTool["name"] {
  switch (written) {
    case "serper_search":
      return "web_search";
    case "web_scrape":
      return "web_fetch";
    default:
      return written;
  }
}
