/** What the package exports as `stigmer/deploy`. */
import { bundleAgents, type StoredAgent } from "./bundled-agents.ts";
import { DEFAULT_OPTIONS, type DefaultModel } from "./deployment.ts";
import { generateFiles } from "./generate.ts";
import { readWorkflow } from "./read-workflow.ts";
import { serverBundle } from "./server-bundle.ts";

export { write } from "./write/write.ts";

export interface GenerateOptions {
  /** Of the deployment; made from the flow's name by default. */
  name?: string;
  /** On the host, 8000 by default. */
  apiPort?: number;
  /** How long `POST /run` waits for the result, 30,000 by default. */
  syncTimeoutMs?: number;
  /** Stored definitions of the agents that nodes name. */
  agents?: { [name: string]: StoredAgent };
  /** The model of nodes that name none. */
  llm?: DefaultModel;
  /** With manifests for Kubernetes. */
  kubernetes?: boolean;
  /** What the workflow is called in messages. */
  file?: string;
}

/**
 * Makes every file of a deployment from the text of a workflow, by path: the same input gives the same bytes.
 *
 * @throws AppError DEFINITION_INVALID with every mistake of the workflow; USAGE for an impossible name or port.
 */
export function generate(workflow: string | Uint8Array, options: GenerateOptions = {}): Map<string, Uint8Array> {
  const { agents = null, file = "workflow.yaml", ...others } = options;
  const source = typeof workflow === "string" ? Buffer.from(workflow) : workflow;
  const read = readWorkflow(source, file);
  const { files } = generateFiles({
    ...DEFAULT_OPTIONS,
    ...others,
    ...read,
    agents: bundleAgents(read.mentions, { known: agents, directory: "the options" }, file),
    server: serverBundle(),
  });
  return files;
}
