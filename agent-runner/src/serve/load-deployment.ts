import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type DefinitionMistake, loadDocuments } from "../definitions/load.ts";
import { systemErrorCode } from "../logging/system-error.ts";
import type { Json, KeptWorkflow } from "../protocol/messages.ts";

/** A generated directory that cannot be served; one line a mistake. */
export class DeploymentError extends Error {
  override readonly name = "DeploymentError";
}

const WORKFLOW_FILE = "workflow.yaml";
/** The validated definitions of the agents that the workflow names, by name; written only where there are any. */
const AGENTS_FILE = "agents.json";

/** Reads the workflow beside the server, and the agents that it needs. @throws DeploymentError */
export function loadDeployment(directory: string): KeptWorkflow {
  const text = readText(join(directory, WORKFLOW_FILE));
  if (text === null) throw new DeploymentError(`there is no ${WORKFLOW_FILE} in ${directory}`);
  if (text.startsWith("{")) return { workflow: JSON.parse(text), agents: {} }; // STAND-IN
  const { documents, issues } = loadDocuments(text, WORKFLOW_FILE);
  if (issues.length > 0) throw new DeploymentError(issues.map(describeMistake).join("\n"));
  const [workflow, ...others] = documents;
  if (workflow?.kind !== "Workflow" || others.length > 0) {
    throw new DeploymentError(`${WORKFLOW_FILE} must hold one workflow and nothing else`);
  }
  return { workflow: workflow.definition, agents: readAgents(join(directory, AGENTS_FILE)) };
}

function readAgents(file: string): { [name: string]: Json } {
  const text = readText(file);
  if (text === null) return {};
  try {
    // The generator wrote it from definitions that it had validated.
    return JSON.parse(text) as { [name: string]: Json };
  } catch (error) {
    throw new DeploymentError(`${AGENTS_FILE} is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

/** Null where there is no file. */
function readText(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return null;
    throw new DeploymentError(`${file} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

function describeMistake({ file, line, field, message, suggestion }: DefinitionMistake): string {
  const where = line === null ? file : `${file}:${line}`;
  const nearest = suggestion === null ? "" : ` (did you mean ${suggestion}?)`;
  return `${where}: ${field === "" ? "" : `${field}: `}${message}${nearest}`;
}
