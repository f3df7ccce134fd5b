/** What every file of a deployment is made from. Plain data; whatever a user wrote is in it as it is, unescaped. */
import type { Json } from "@stigmer/agent-runner/protocol";
import type { WorkflowDefinition } from "@stigmer/agent-runner/workflow-definition";

export interface Deployment {
  /** Checked by requireDeploymentName. */
  name: string;
  /** Of stigmer. */
  version: string;
  workflow: WorkflowDefinition;
  /** `flow.version`, or what a workflow without one is. */
  flowVersion: string;
  /** On the host; the container's is always {@link CONTAINER_PORT}. */
  apiPort: number;
  /** Whole, or with decimals: `0.5`. */
  syncTimeoutSeconds: number;
  /** The model of nodes that name none. */
  llm: DefaultModel;
  variables: NeededVariable[];
  /** Stored agents by name; empty when no node names one. */
  agents: { [name: string]: Json };
  /** With manifests for Kubernetes. */
  kubernetes: boolean;
  /** A request body that the workflow accepts. */
  exampleInputs: { [field: string]: Json };
}

export interface DefaultModel {
  provider: string;
  model: string;
  baseUrl: string | null;
  apiKeyEnv: string | null;
}

/** A variable that the workflow's providers and tools read. */
export interface NeededVariable {
  name: string;
  required: boolean;
  /** Plain words: `the model of anthropic`. */
  neededBy: string;
}

export const CONTAINER_PORT = 8000;
export const CONTAINER_USER = "10001:10001";
export const DATA_DIRECTORY = "/data";
/** What a deployment's container calls the machine it runs on. */
export const HOST_FROM_INSIDE = "host.docker.internal";

/** What a generation is when nothing is said. */
export const DEFAULT_OPTIONS = {
  name: null,
  apiPort: 8000,
  syncTimeoutMs: 30_000,
  llm: { provider: "ollama", model: "qwen2.5-coder:7b", baseUrl: null, apiKeyEnv: null },
  kubernetes: false,
} as const;
