/** Workflows for tests of a deployed one: the model is scripted, or the service at an address. */

const HEAD = `
schema_version: "1.0"
flow: { name: greeting, description: Says something, version: 2.1.0 }
state:
  fields:
    topic: { type: str, required: true, description: About what }
    count: { type: int, default: 1 }
    tags: { type: "list[str]" }
    draft: { type: str }
    final: { type: str }
`;

const TWO_NODES = `
nodes:
  - { id: write, prompt: "Write about {topic}", outputs: [draft] }
  - { id: polish, prompt: "Polish {draft}", outputs: [final] }
edges:
  - { from: START, to: write }
  - { from: write, to: polish }
  - { from: polish, to: END }
`;

/** Two nodes that say what the script says; `delayMs` is what each of them takes. */
export function scriptedWorkflow({ delayMs = 0, timeoutS = 60 } = {}): string {
  return `${HEAD}
config:
  llm: { provider: scripted, script: [{ text: said }], delay_ms: ${delayMs} }
  execution: { timeout: ${timeoutS}, max_retries: 0 }
${TWO_NODES}`;
}

/** Two nodes that ask a model service each. */
export function servedWorkflow(baseUrl: string): string {
  return `${HEAD}
config:
  llm: { provider: openai-compatible, model: fake, base_url: "${baseUrl}" }
  execution: { timeout: 60, max_retries: 0 }
${TWO_NODES}`;
}

/** One node with a shell. */
export function toolWorkflow(baseUrl: string): string {
  return `
schema_version: "1.0"
flow: { name: tools }
state:
  fields:
    final: { type: str }
config:
  llm: { provider: openai-compatible, model: fake, base_url: "${baseUrl}" }
nodes:
  - { id: work, prompt: Work, tools: [shell], outputs: [final] }
edges:
  - { from: START, to: work }
  - { from: work, to: END }
`;
}
