import { exampleValue } from "@stigmer/agent-runner/example-value";
import type { Json } from "@stigmer/agent-runner/protocol";
import type { WorkflowDefinition } from "@stigmer/agent-runner/workflow-definition";
import { AppError } from "../errors.ts";
import { packageVersion } from "../platform/package.ts";
import { checkFiles } from "./check/check-files.ts";
import type { DefaultModel, Deployment } from "./deployment.ts";
import { requireDeploymentName, slug } from "./deployment-name.ts";
import { MANIFEST_NAME, manifestOf, manifestText } from "./manifest.ts";
import { type AgentNeeds, neededVariables } from "./needed-variables.ts";
import { compose } from "./templates/compose.ts";
import { dockerfile } from "./templates/dockerfile.ts";
import { dockerignore } from "./templates/dockerignore.ts";
import { envExample } from "./templates/env-example.ts";
import { kubernetes } from "./templates/kubernetes.ts";
import { packageJson } from "./templates/package-json.ts";
import { readme } from "./templates/readme.ts";

export interface GenerationInput {
  /** The user's file, byte for byte. */
  source: Uint8Array;
  /** What it says, validated. */
  workflow: WorkflowDefinition;
  /** The stored agents that its nodes name. */
  agents: { [name: string]: Json & AgentNeeds };
  /** The bundled server. */
  server: Uint8Array;
  /** Null: made from the flow's name. */
  name: string | null;
  /** On the host. */
  apiPort: number;
  syncTimeoutMs: number;
  /** The model of nodes that name none. */
  llm: DefaultModel;
  /** With manifests for Kubernetes. */
  kubernetes: boolean;
}

export interface Generated {
  deployment: Deployment;
  /** By path in the directory, sorted; the manifest is the last one. */
  files: Map<string, Uint8Array>;
}

const MAX_SYNC_TIMEOUT_MS = 86_400_000;
const DEFAULT_FLOW_VERSION = "1.0.0";

/**
 * Makes all files of a deployment. Pure: the same input gives the same bytes. Each file has been read by its own parser,
 * so that one which does not say what it should is never written.
 *
 * @throws AppError USAGE for a name, port or timeout that cannot be.
 */
export function generateFiles(input: GenerationInput): Generated {
  const deployment = describeDeployment(input);
  const texts: Record<string, string> = {
    Dockerfile: dockerfile(deployment),
    "package.json": packageJson(deployment),
    "docker-compose.yml": compose(deployment),
    ".env.example": envExample(deployment),
    "README.md": readme(deployment),
    ".dockerignore": dockerignore(deployment),
    ...(Object.keys(input.agents).length === 0 ? {} : { "agents.json": `${JSON.stringify(input.agents, null, 2)}\n` }),
    ...(input.kubernetes ? kubernetes(deployment) : {}),
  };
  checkFiles(texts, deployment);
  const contents = Object.entries(texts).map(([path, text]): [string, Uint8Array] => [path, Buffer.from(text)]);
  contents.push(["server.js", input.server], ["workflow.yaml", input.source]);
  const files = new Map(contents.sort(([left], [right]) => (left < right ? -1 : 1)));
  files.set(MANIFEST_NAME, Buffer.from(manifestText(manifestOf(deployment, files, input.server))));
  return { deployment, files };
}

function describeDeployment(input: GenerationInput): Deployment {
  const { agents, apiPort, llm, syncTimeoutMs, workflow } = input;
  if (!Number.isInteger(apiPort) || apiPort < 1 || apiPort > 65_535) {
    throw new AppError("USAGE", `The port must be a whole number from 1 to 65535, not ${apiPort}`);
  }
  if (!(syncTimeoutMs >= 0 && syncTimeoutMs <= MAX_SYNC_TIMEOUT_MS)) {
    throw new AppError("USAGE", "The sync timeout must be between 0s and 24h", {
      hint: "What takes longer is asked for with `Prefer: respond-async`: --sync-timeout 30s",
    });
  }
  return {
    name: input.name === null ? slug(workflow.flow.name) : requireDeploymentName(input.name),
    version: packageVersion(),
    workflow,
    flowVersion: workflow.flow.version ?? DEFAULT_FLOW_VERSION,
    apiPort,
    syncTimeoutSeconds: Math.round(syncTimeoutMs) / 1000,
    llm,
    variables: neededVariables(workflow, Object.values(agents), llm),
    agents,
    kubernetes: input.kubernetes,
    exampleInputs: exampleInputs(workflow),
  };
}

/** What has to be given, and what may be given and no node makes; a default is an example that its author chose. */
function exampleInputs({ nodes, state }: WorkflowDefinition): { [field: string]: Json } {
  const made = new Set(nodes.flatMap(({ outputs }) => outputs));
  const entries = Object.entries(state.fields)
    .filter(([name, { required }]) => required || !made.has(name))
    .map(([name, field]): [string, Json] => [name, field.default ?? exampleValue(field.type)]);
  return Object.fromEntries(entries);
}
