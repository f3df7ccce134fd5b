import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { workflowSchema } from "../../../agent-runner/src/definitions/workflow/workflow-schema.ts";

const SCHEMA = {
  title: "A stigmer workflow",
  ...z.toJSONSchema(workflowSchema, { io: "input", reused: "inline" }),
};

test("the schema for editors is the schema that apply checks", async () => {
  // `npx vitest run -u` writes it anew.
  await expect(`${JSON.stringify(SCHEMA, null, 2)}\n`).toMatchFileSnapshot(
    "../../../agent-runner/schemas/workflow.schema.json",
  );
});

describe("an editor with the schema", () => {
  const validate = new Ajv2020({ strict: false }).compile(SCHEMA);

  test.each(["article-writer", "review-loop", "fork-join"])("takes examples/%s.yaml", (name) => {
    const text = readFileSync(new URL(`../../../examples/${name}.yaml`, import.meta.url), "utf8");
    expect(validate(parse(text)), JSON.stringify(validate.errors)).toBe(true);
    expect(text).toMatch(/^# yaml-language-server: \$schema=\.\.\/agent-runner\/schemas\/workflow\.schema\.json\n/);
  });

  test.each([
    ["a misspelt section", { nods: [] }],
    ["a misspelt key of a node", { nodes: [{ id: "a", promt: "x" }] }],
    ["an unknown tool", { nodes: [{ id: "a", prompt: "x", tools: ["shel"] }] }],
    [
      "a loop of 101 runs",
      { edges: [{ from: "a", loop: { max_iterations: 101, condition_field: "d", exit_to: "b" } }] },
    ],
    ["a wrong entry deep in a schema", { state: { fields: { a: { type: "object", schema: { b: { typ: "str" } } } } } }],
  ])("marks %s", (_, change) => {
    const good = {
      schema_version: "1.0",
      flow: { name: "w" },
      nodes: [{ id: "a", prompt: "x" }],
      edges: [{ from: "START", to: "a" }],
    };
    expect(validate(good)).toBe(true);
    expect(validate({ ...good, ...change })).toBe(false);
  });
});
