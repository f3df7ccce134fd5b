import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type DefinitionMistake, loadDocuments } from "../definitions/load.ts";
import { systemErrorCode } from "../logging/system-error.ts";
import type { Json, KeptWorkflow } from "../protocol/messages.ts";
import { type DeploymentFacts, readFacts } from "./deployment-facts.ts";

/** A generated directory that cannot be served; one line a mistake. */
export class DeploymentError extends Error {
  override readonly name = "DeploymentError";
}

/** All that lies beside the server (docs/deploy.md). */
export interface LoadedDeployment {
  kept: KeptWorkflow;
  facts: DeploymentFacts;
}

const WORKFLOW_FILE = "workflow.yaml";
/** The validated definitions of the agents that the workflow names, by name; written only where there are any. */
const AGENTS_FILE = "agents.json";
const MANIFEST = "package.json";

/** Reads the workflow, the agents that it needs, and what the generator noted. @throws DeploymentError */
export function loadDeployment(directory: string): LoadedDeployment {
  const text = readText(directory, WORKFLOW_FILE);
  if (text === null) throw new DeploymentError(`there is no ${WORKFLOW_FILE} in ${directory}`);
  const { documents, issues } = loadDocuments(text, WORKFLOW_FILE);
  if (issues.length > 0) throw new DeploymentError(issues.map(describeMistake).join("\n"));
  const [workflow, ...others] = documents;
  if (workflow?.kind !== "Workflow" || others.length > 0) {
    throw new DeploymentError(`${WORKFLOW_FILE} must hold one workflow and nothing else`);
  }
  const agents = readAgents(directory);
  const absent = workflow.mentions.find(({ agent }) => !Object.hasOwn(agents, agent));
  if (absent !== undefined) {
    throw new DeploymentError(`a node runs the agent ${absent.agent}, which ${AGENTS_FILE} does not hold`);
  }
  return {
    kept: { workflow: workflow.definition, agents },
    facts: parse(MANIFEST, () => readFacts(readText(directory, MANIFEST))),
  };
}

function readAgents(directory: string): { [name: string]: Json } {
  const text = readText(directory, AGENTS_FILE);
  // The generator wrote it from definitions that it had validated.
  return text === null ? {} : parse(AGENTS_FILE, () => JSON.parse(text) as { [name: string]: Json });
}

function parse<Parsed>(name: string, read: () => Parsed): Parsed {
  try {
    return read();
  } catch (error) {
    if (error instanceof DeploymentError) throw error;
    throw new DeploymentError(`${name} is damaged: ${error instanceof Error ? error.message : error}`);
  }
}

/** Null where there is no file. */
function readText(directory: string, name: string): string | null {
  try {
    return readFileSync(join(directory, name), "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return null;
    throw new DeploymentError(`${name} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

function describeMistake({ file, line, field, message, suggestion }: DefinitionMistake): string {
  const where = line === null ? file : `${file}:${line}`;
  const nearest = suggestion === null ? "" : ` (did you mean ${suggestion}?)`;
  return `${where}: ${field === "" ? "" : `${field}: `}${message}${nearest}`;
}
