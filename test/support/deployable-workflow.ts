import type { WorkflowDefinition } from "@stigmer/agent-runner/workflow-definition";
import { DEFAULT_OPTIONS } from "../../src/deploy/deployment.ts";
import type { GenerationInput } from "../../src/deploy/generate.ts";

/** A stored workflow of one node, with what a test changes in it. */
export function deployableWorkflow(changes: Partial<WorkflowDefinition> = {}): WorkflowDefinition {
  return {
    schema_version: "1.0",
    flow: { name: "Article Writer", description: "Writes an article", version: null },
    state: {
      fields: {
        topic: { type: { kind: "str" }, required: true, description: "What it is about", default: null },
        article: { type: { kind: "str" }, required: false, description: null, default: null },
      },
    },
    nodes: [
      {
        id: "write",
        name: null,
        description: null,
        prompt: "Write about {state.topic}",
        agent: null,
        inputs: {},
        output: null,
        outputs: ["article"],
        tools: [],
        llm: null,
      },
    ],
    edges: [
      { kind: "next", from: "START", to: ["write"] },
      { kind: "next", from: "write", to: ["END"] },
    ],
    config: { llm: null, execution: { timeout: 120, max_retries: 3 } },
    ...changes,
  };
}

/** What a generation takes; the source says nothing about the workflow, and nobody reads it. */
export function generationInput(changes: Partial<GenerationInput> = {}): GenerationInput {
  return {
    ...DEFAULT_OPTIONS,
    source: Buffer.from("the user's own text\n"),
    workflow: deployableWorkflow(),
    agents: {},
    server: Buffer.from("// the server\n"),
    ...changes,
  };
}
