import { readFileSync } from "node:fs";
import { loadDocuments } from "@stigmer/agent-runner/definitions";
import type { WorkflowDefinition } from "@stigmer/agent-runner/workflow-definition";
import { writeWorkflow } from "@stigmer/agent-runner/write-workflow";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";

/** Everything that the written form knows, in one workflow. */
const FULL = `schema_version: "1.0"
flow:
  name: 'Reviews: "anything"'
  description: Writes and reviews
  version: 2.1.0
state:
  fields:
    topic: { type: str, required: true, description: What to write about }
    score: { type: int, default: 0 }
    done: { type: bool, default: false }
    tags: { type: "list[str]" }
    counts: { type: "dict[int, float]" }
    article:
      type: object
      schema:
        title: str
        parts:
          type: list[object]
          schema: { text: str, note: { type: str, required: false, description: of the editor } }
    answer: { type: str }
nodes:
  - id: write
    name: Writer
    description: Writes the article
    inputs: { subject: state.topic, heading: article.title }
    prompt: "Write about {subject}, {topic}, {state.topic}, {heading}, {article.title}: {{}}"
    output_schema:
      type: object
      description: An article
      fields:
        - { name: score, type: int, description: From 1 to 10 }
        - name: article
          type: object
          schema:
            title: str
            parts:
              type: list[object]
              schema: { text: str, note: { type: str, required: false } }
    outputs: [score, article]
    tools: [file_read, { name: serper_search, on_error: continue }, web_scrape]
    llm: { provider: openai-compatible, model: m, api_base: "http://127.0.0.1:1/v1", temperature: 0.5 }
  - { id: check, prompt: "Good? {article}", output_schema: { type: bool }, outputs: [done] }
  - { id: left, prompt: "{article.parts}", output_schema: "list[str]", outputs: [tags] }
  - { id: right, prompt: "Right", output_schema: { type: object, fields: [{ name: counts, type: "dict[int, float]" }] }, outputs: [counts] }
  - { id: helper, agent: pr-reviewer, inputs: { text: state.article }, outputs: [answer] }
  - { id: leave, agent: leaver }
edges:
  - { from: START, to: write }
  - { from: write, routes: [{ condition: { logic: "state.score >= 7 and article.title != ''" }, to: check }, { condition: { logic: default }, to: END }] }
  - { from: check, loop: { max_iterations: 3, condition_field: state.done, exit_to: left } }
  - { from: left, to: [right, helper] }
  - { from: right, to: leave }
  - { from: helper, to: leave }
  - { from: leave, to: END }
config:
  llm: { provider: ollama, model: base, max_tokens: 100 }
  execution: { timeout: 60, max_retries: 0 }
`;

const SMALL = `schema_version: "1.0"
flow: { name: small }
state: { fields: { text: { type: str } } }
nodes: [{ id: only, prompt: Hello, output_schema: { type: str }, outputs: [text] }]
edges: [{ from: START, to: only }, { from: only, to: END }]
`;

describe("a good workflow", () => {
  test("is read with aliases resolved and every default filled in", async () => {
    const { documents, issues, warnings } = loadDocuments(FULL, "full.yaml");
    expect([issues, warnings]).toEqual([[], []]);
    expect(documents).toMatchObject([{ kind: "Workflow", name: 'Reviews: "anything"', file: "full.yaml", line: 1 }]);
    const text = `${JSON.stringify(documents[0]?.definition, null, 2)}\n`;
    await expect(text).toMatchFileSnapshot("../../fixtures/golden/workflow-definition.json");
  });

  test("needs no more than a name, a field, a node and its edges", () => {
    const { documents, issues } = loadDocuments(SMALL, "small.yaml");
    expect(issues).toEqual([]);
    expect(documents[0]?.definition).toEqual({
      schema_version: "1.0",
      flow: { name: "small", description: null, version: null },
      state: { fields: { text: { type: { kind: "str" }, required: false, description: null, default: null } } },
      nodes: [
        {
          id: "only",
          name: null,
          description: null,
          prompt: "Hello",
          agent: null,
          inputs: {},
          output: { kind: "str" },
          outputs: ["text"],
          tools: [],
          llm: null,
        },
      ],
      edges: [
        { kind: "next", from: "START", to: ["only"] },
        { kind: "next", from: "only", to: ["END"] },
      ],
      config: { llm: null, execution: { timeout: 120, max_retries: 3 } },
    });
  });

  test("may leave what is answered to the types of the outputs in the state", () => {
    const text = SMALL.replace(", output_schema: { type: str }", "");
    const { documents, issues } = loadDocuments(text, "a");
    expect(issues).toEqual([]);
    expect(documents[0]?.definition).toMatchObject({ nodes: [{ output: null, outputs: ["text"] }] });
  });

  test("names the agents of its nodes, and where", () => {
    expect(loadDocuments(FULL, "full.yaml").documents[0]?.mentions).toEqual([
      { agent: "pr-reviewer", field: "nodes[4].agent", line: 45 },
      { agent: "leaver", field: "nodes[5].agent", line: 46 },
    ]);
    expect(FULL.split("\n")[44]).toContain("id: helper");
  });

  test("is the same in JSON, in any order of keys, and stands beside agents and other workflows", () => {
    const definition = loadDocuments(SMALL, "a").documents[0]?.definition;
    const written = {
      edges: [
        { to: "only", from: "START" },
        { to: "END", from: "only" },
      ],
      nodes: [{ outputs: ["text"], output_schema: { type: "str" }, prompt: "Hello", id: "only" }],
      state: { fields: { text: { type: "str" } } },
      flow: { name: "small" },
      schema_version: "1.0",
    };
    expect(loadDocuments(JSON.stringify(written, null, 2), "a").documents[0]?.definition).toEqual(definition);
    expect(JSON.stringify(loadDocuments(stringify(written), "a").documents[0]?.definition)).toBe(
      JSON.stringify(definition),
    );
    const agent = "apiVersion: stigmer/v1\nkind: Agent\nmetadata: { name: small }\nspec: {}\n";
    const { documents, issues } = loadDocuments(`${agent}---\n${SMALL}---\n${FULL}`, "a");
    expect(issues).toEqual([]);
    expect(documents.map(({ kind, name, line }) => [kind, name, line])).toEqual([
      ["Agent", "small", 1],
      ["Workflow", "small", 6],
      ["Workflow", 'Reviews: "anything"', 12],
    ]);
  });

  test("takes every name that is not empty", () => {
    for (const name of ["ein Fluß", "a/b", "*/ $(x) `y`", "line\nbreak", "0"]) {
      const text = SMALL.replace("name: small", `name: ${JSON.stringify(name)}`);
      expect(loadDocuments(text, "a")).toMatchObject({ documents: [{ name }], issues: [] });
    }
  });
});

test.each(["article-writer", "review-loop", "fork-join"])(
  "examples/%s.yaml is a good workflow without warnings",
  (name) => {
    const text = readFileSync(new URL(`../../../examples/${name}.yaml`, import.meta.url), "utf8");
    expect(loadDocuments(text, name)).toMatchObject({ documents: [{ name, mentions: [] }], issues: [], warnings: [] });
  },
);

test("the workflow in the README is a good one", () => {
  const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");
  const [, text = ""] = /```yaml\n(# yaml-language-server[^`]+)```/.exec(readme) ?? [];
  expect(loadDocuments(text, "README.md")).toMatchObject({
    documents: [{ name: "greeting" }],
    issues: [],
    warnings: [],
  });
});

describe("a stored workflow is written", () => {
  const rewrite = (text: string) => {
    // What was loaded is a definition.
    const definition = loadDocuments(text, "a").documents[0]?.definition as unknown as WorkflowDefinition;
    const written = writeWorkflow(definition);
    return { definition, written, again: loadDocuments(stringify(written), "b") };
  };

  test.each<[string, string]>([
    ["FULL", FULL],
    ["SMALL", SMALL],
    ...["article-writer", "review-loop", "fork-join"].map((name): [string, string] => [name, example(name)]),
  ])("so that it is read as the same: %s", (_, text) => {
    const { definition, again } = rewrite(text);
    expect([again.issues, again.warnings]).toEqual([[], []]);
    expect(again.documents[0]?.definition).toEqual(definition);
  });

  test("without what is silent", async () => {
    expect(stringify(rewrite(SMALL).written)).toBe(`schema_version: "1.0"
flow:
  name: small
state:
  fields:
    text:
      type: str
nodes:
  - id: only
    prompt: Hello
    output_schema:
      type: str
    outputs:
      - text
edges:
  - from: START
    to: only
  - from: only
    to: END
config:
  execution:
    timeout: 120
    max_retries: 3
`);
    await expect(stringify(rewrite(FULL).written)).toMatchFileSnapshot("../../fixtures/golden/workflow-written.yaml");
  });
});

describe("keys of other systems", () => {
  test("warn by name, each where it stands, and change nothing", () => {
    const text = `schema_version: "1.0"
flow:
  name: small
  tags: [a]
  author: me
observability: { mlflow: true }
storage: {}
memory: { enabled: true }
log_prompts: true
state: { fields: { text: { type: str } } }
nodes:
  - id: only
    prompt: Hello
    output_schema: str
    outputs: [text]
    memory: false
    log_artifacts: true
    tools:
      - { name: file_read, config: { depth: 1 } }
edges: [{ from: START, to: only }, { from: only, to: END }]
config:
  observability: {}
  storage: {}
  memory: {}
`;
    const { documents, issues, warnings } = loadDocuments(text, "a.yaml");
    expect(issues).toEqual([]);
    expect(warnings.map(({ line, field }) => [line, field])).toEqual([
      [4, "flow.tags"],
      [5, "flow.author"],
      [6, "observability"],
      [7, "storage"],
      [8, "memory"],
      [9, "log_prompts"],
      [16, "nodes[0].memory"],
      [17, "nodes[0].log_artifacts"],
      [19, "nodes[0].tools[0].config"],
      [22, "config.observability"],
      [23, "config.storage"],
      [24, "config.memory"],
    ]);
    const plain = SMALL.replace("prompt: Hello", "prompt: Hello, tools: [file_read]");
    expect(documents[0]?.definition).toEqual(loadDocuments(plain, "a.yaml").documents[0]?.definition);
  });

  test("tools and model of an agent node warn, since the agent brings its own", () => {
    const text = SMALL.replace("prompt: Hello", "agent: a, tools: [shell], llm: { model: m }");
    expect(loadDocuments(text, "a").warnings.map(({ field }) => field)).toEqual(["nodes[0].tools", "nodes[0].llm"]);
  });
});

function example(name: string): string {
  return readFileSync(new URL(`../../../examples/${name}.yaml`, import.meta.url), "utf8");
}
