import { readFileSync } from "node:fs";
import { loadDocuments, type ParsedDefinition } from "@stigmer/agent-runner/definitions";
import { expect, test } from "vitest";
import { AppError } from "../../../src/errors.ts";
import type { ApplyReport, DefinitionSummary } from "../../../src/server/routes/definitions.ts";
import { type EngineApi, startEngineApi } from "../../support/engine-api.ts";
import { agentDefinition, applyAgent } from "../../support/engine-rig.ts";

function workflow(name: string, node = "prompt: Hello", file = "w.yaml"): ParsedDefinition {
  const text = `schema_version: "1.0"
flow: { name: ${JSON.stringify(name)}, description: about ${JSON.stringify(name)} }
state: { fields: { text: { type: str } } }
nodes: [{ id: only, ${node}, ${node.startsWith("prompt") ? "output_schema: str, " : ""}outputs: [text] }]
edges: [{ from: START, to: only }, { from: only, to: END }]
`;
  const { documents, issues } = loadDocuments(text, file);
  expect(issues).toEqual([]);
  const [document] = documents;
  if (document === undefined) throw new Error("a good workflow was not read");
  return document;
}

async function apply(api: EngineApi, documents: unknown[], dryRun = false): Promise<string[]> {
  const report = await api.client.request<ApplyReport>("POST", "/v1/apply", { dryRun, documents });
  return report.results.map(({ kind, name, action }) => `${kind} ${name} ${action}`);
}

async function refusal(api: EngineApi, documents: unknown[], dryRun = false): Promise<AppError> {
  const error: unknown = await apply(api, documents, dryRun).catch((thrown: unknown) => thrown);
  if (!(error instanceof AppError)) throw new Error(`nothing was refused: ${String(error)}`);
  return error;
}

async function workflows(api: EngineApi): Promise<DefinitionSummary[]> {
  const list = await api.client.request<{ workflows: DefinitionSummary[] }>("GET", "/v1/workflows");
  return list.workflows;
}

test("an agent that a workflow names must be applied before or with it, and nothing is written otherwise", async () => {
  await using api = await startEngineApi();
  applyAgent(api.rig, "pr-reviewer");
  const documents = [workflow("good"), workflow("bad", "agent: pr-reviwer")];
  for (const dryRun of [true, false]) {
    const error = await refusal(api, documents, dryRun);
    expect(error).toMatchObject({ code: "DEFINITION_INVALID", message: "1 mistake in 1 file; nothing was applied" });
    expect(error.issues).toEqual([
      {
        file: "w.yaml",
        line: 4,
        field: "nodes[0].agent",
        message: 'there is no agent "pr-reviwer", neither applied nor here',
        suggestion: "pr-reviewer",
      },
    ]);
  }
  expect(await workflows(api)).toEqual([]);
  expect(await apply(api, [workflow("good", "agent: pr-reviewer")])).toEqual(["Workflow good created"]);
  const agent = { kind: "Agent", name: "new", file: "a.yaml", definition: agentDefinition("new") };
  const together = [workflow("with", "agent: new"), agent];
  expect(await apply(api, together)).toEqual(["Workflow with created", "Agent new created"]);
});

test("workflows are created, unchanged, updated, listed with their description, shown and deleted by any name", async () => {
  await using api = await startEngineApi();
  const names = ["plain", "a/b", "..", "%2e", "ein Fluß?x=1#y", 'quote"\nline', "constructor"];
  for (const name of names) {
    expect(await apply(api, [workflow(name)])).toEqual([`Workflow ${name} created`]);
    expect(await apply(api, [workflow(name, "prompt: Hello", "moved.yaml")])).toEqual([`Workflow ${name} unchanged`]);
    expect(await apply(api, [workflow(name, "prompt: Bye")], true)).toEqual([`Workflow ${name} updated`]);
    expect(await apply(api, [workflow(name, "prompt: Bye")])).toEqual([`Workflow ${name} updated`]);
  }
  const listed = await workflows(api);
  expect(listed.map(({ name }) => name)).toEqual([...names].sort());
  expect(listed.find(({ name }) => name === "plain")).toMatchObject({ description: 'about "plain"', file: "w.yaml" });
  for (const name of names) {
    const path = `/v1/workflows/${encodeURIComponent(name)}`;
    expect(await api.client.request("GET", path)).toEqual({ workflow: workflow(name, "prompt: Bye").definition });
    expect(await api.client.request("DELETE", path)).toEqual({ name });
    await expect(api.client.request("GET", path)).rejects.toMatchObject({ code: "NOT_FOUND" });
  }
  expect(api.faults).toEqual([]);
});

test("an unknown workflow is NOT_FOUND with the nearest name", async () => {
  await using api = await startEngineApi();
  await apply(api, [workflow("article-writer")]);
  for (const method of ["GET", "DELETE"]) {
    await expect(api.client.request(method, "/v1/workflows/artcle-writer")).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: 'There is no workflow "artcle-writer" (did you mean article-writer?)',
    });
  }
});

test("an agent and a workflow may have one name", async () => {
  await using api = await startEngineApi();
  applyAgent(api.rig, "twin");
  expect(await apply(api, [workflow("twin")])).toEqual(["Workflow twin created"]);
  expect(await api.client.request("DELETE", "/v1/workflows/twin")).toEqual({ name: "twin" });
  expect(await api.client.request("GET", "/v1/agents")).toMatchObject({ agents: [{ name: "twin" }] });
});

test("the examples are stored as they are read", async () => {
  await using api = await startEngineApi();
  const documents = ["article-writer", "review-loop", "fork-join"].flatMap((name) => {
    const text = readFileSync(new URL(`../../../examples/${name}.yaml`, import.meta.url), "utf8");
    return loadDocuments(text, `${name}.yaml`).documents;
  });
  expect(await apply(api, documents)).toEqual(documents.map(({ name }) => `Workflow ${name} created`));
  expect(await apply(api, documents)).toEqual(documents.map(({ name }) => `Workflow ${name} unchanged`));
});
