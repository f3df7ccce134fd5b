import { mkdir, readFile } from "node:fs/promises";
import { loadDocuments } from "@stigmer/agent-runner/definitions";
import type { Json, KeptWorkflow } from "@stigmer/agent-runner/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RoleContext } from "../../../agent-runner/src/roles/role.ts";
import { playWorkflow } from "../../support/played-workflow.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let context: RoleContext;

beforeAll(async () => {
  directory = await temporaryDirectory();
  const workspaceRoot = directory.file("workspace");
  await mkdir(workspaceRoot);
  const quiet = () => {};
  context = {
    environment: { workspaceRoot, loopbackHost: null },
    home: directory.path,
    path: process.env["PATH"] ?? "",
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  };
});

afterAll(async () => {
  await directory[Symbol.asyncDispose]();
});

/** A workflow as `apply` stores it, with the agents of the same text. */
function load(text: string): KeptWorkflow {
  const { documents, issues } = loadDocuments(text, "test.yaml");
  const workflow = documents.find(({ kind }) => kind === "Workflow");
  if (workflow === undefined || issues.length > 0) throw new Error(`no good workflow: ${JSON.stringify(issues)}`);
  const agents = documents.filter(({ kind }) => kind === "Agent").map(({ name, definition }) => [name, definition]);
  return { workflow: workflow.definition, agents: Object.fromEntries(agents) as { [name: string]: Json } };
}

async function example(name: string): Promise<KeptWorkflow> {
  return load(await readFile(new URL(`../../../examples/${name}.yaml`, import.meta.url), "utf8"));
}

/** Without the words of the models. */
function nodesOf(told: string[]): string[] {
  return told.filter((line) => line.startsWith("node "));
}

describe("the examples run as they are", () => {
  test("article-writer: a chain whose last node writes a file", async () => {
    const { last, runs, told } = await playWorkflow(await example("article-writer"), { topic: "otters" }, context);
    expect(last).toMatchObject({ kind: "finish", output: { topic: "otters" } });
    expect(runs.map(({ node, phase }) => `${node} ${phase}`)).toEqual(["research succeeded", "write succeeded"]);
    expect(told.filter((line) => line === "tool.completed: write")).toHaveLength(1);
  });

  test("review-loop: the writer writes again until the reviewer approves", async () => {
    const { last, told } = await playWorkflow(await example("review-loop"), {}, context);
    expect(nodesOf(told)).toEqual(
      ["write", "review", "write", "review"].flatMap((node) => [`node started: ${node}`, `node succeeded: ${node}`]),
    );
    expect(last).toMatchObject({ kind: "finish", output: { slogan: "Daylight, until you sleep.", approved: true } });
  });

  test("fork-join: the experts speak at once, the chair after them", async () => {
    const { last, told } = await playWorkflow(await example("fork-join"), {}, context);
    const nodes = nodesOf(told);
    expect(nodes.slice(0, 3)).toEqual(["node started: market", "node started: finance", "node started: risk"]);
    expect(nodes.slice(-2)).toEqual(["node started: decide", "node succeeded: decide"]);
    expect(last).toMatchObject({
      kind: "finish",
      output: { costs: { rent: 1400, wages: 5200, flour: 310.5 }, decision: { go: true } },
    });
  });
});

test("a loop goes through its script until its field is true, and an agent node answers from the state", async () => {
  const definition = load(`
schema_version: "1.0"
flow: { name: counting }
state: { fields: { n: { type: int, default: 0 }, done: { type: bool, default: false }, note: { type: str } } }
nodes:
  - id: count
    prompt: "After {n}?"
    output_schema: { type: object, fields: [{ name: n, type: int }, { name: done, type: bool }] }
    outputs: [n, done]
    llm:
      provider: scripted
      script: [{ object: { n: 1, done: false } }, { text: "two" }, { object: { n: 2, done: true } }, { object: { n: 3, done: true } }]
  - { id: tell, agent: teller, outputs: [note] }
edges:
  - { from: START, to: count }
  - { from: count, loop: { max_iterations: 5, condition_field: done, exit_to: tell } }
  - { from: tell, to: END }
---
apiVersion: stigmer/v1
kind: Agent
metadata: { name: teller }
spec: { model: { provider: scripted, script: [{ text: "Two in all." }] } }
`);
  const { last, told } = await playWorkflow(definition, {}, context);
  expect(last).toEqual({ kind: "finish", output: { n: 2, done: true, note: "Two in all." } });
  expect(told.filter((line) => !line.startsWith("message.delta"))).toEqual([
    "node started: count",
    "step.started: count",
    "message.completed: count",
    "node succeeded: count",
    "node started: count",
    "step.started: count",
    "message.completed: count",
    "step.started: count",
    "step.retried: count",
    "message.completed: count",
    "node succeeded: count",
    "node started: tell",
    "step.started: tell",
    "message.completed: tell",
    "node succeeded: tell",
  ]);
});

test("a node whose model keeps failing fails the workflow with its name, and later nodes are not asked", async () => {
  const definition = load(`
schema_version: "1.0"
flow: { name: failing }
state: { fields: { n: { type: int }, text: { type: str } } }
nodes:
  - { id: first, prompt: "A number?", output_schema: { type: int }, outputs: [n], llm: { provider: scripted, script: [{ text: "none" }] } }
  - { id: second, prompt: "{n}", outputs: [text], llm: { provider: scripted, script: [{ text: "never" }] } }
edges: [{ from: START, to: first }, { from: first, to: second }, { from: second, to: END }]
config: { execution: { max_retries: 1 } }
`);
  const { last, runs, told } = await playWorkflow(definition, {}, context);
  expect(last).toMatchObject({ kind: "fail", node: "first", error: { code: "EXECUTION_FAILED" } });
  expect(told.filter((line) => line === "step.started: first")).toHaveLength(2);
  expect(runs.map(({ node }) => node)).toEqual(["first"]);
});
