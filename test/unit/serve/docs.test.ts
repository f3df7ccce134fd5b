import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import type { WorkflowDefinition } from "../../../agent-runner/src/definitions/workflow-definition.ts";
import { renderDocs } from "../../../agent-runner/src/serve/openapi/docs-page.ts";
import { openApiDocument } from "../../../agent-runner/src/serve/openapi/document.ts";
import { inputsSchema, outputsSchema } from "../../../agent-runner/src/serve/openapi/schemas.ts";
import { RUN_OPERATION } from "../../../agent-runner/src/serve/routes/operations.ts";

const optional = { required: false, description: null, default: null };

const definition: WorkflowDefinition = {
  schema_version: "1.0",
  flow: { name: '</title><script>alert("x")</script>', description: "It's `so` <b>bold</b>", version: null },
  state: {
    fields: {
      topic: { type: { kind: "str" }, required: true, description: "About <what>", default: null },
      count: { ...optional, type: { kind: "int" }, default: 3 },
      parts: {
        ...optional,
        type: {
          kind: "list",
          item: { kind: "object", fields: { weight: { type: { kind: "float" }, required: true, description: null } } },
        },
      },
      answer: { ...optional, type: { kind: "str" } },
    },
  },
  nodes: [],
  edges: [],
  config: { llm: null, execution: { timeout: 120, max_retries: 3 } },
};

const document = () =>
  openApiDocument(
    definition,
    [
      {
        method: "POST",
        path: "/run",
        isOpen: false,
        operation: RUN_OPERATION,
        handle: () => ({ status: 200, json: null }),
      },
    ],
    { needsToken: false },
  );

const CALLER = { host: "example.com:81", needsToken: false };

describe("the schemas of a workflow", () => {
  test("keep nested types and tell defaults", () => {
    const schema = inputsSchema(definition);
    expect(schema).toMatchObject({
      required: ["topic"],
      properties: {
        count: { type: "integer", default: 3 },
        parts: { type: "array", items: { properties: { weight: { type: "number" } } } },
      },
    });
  });

  test("accept what a run takes, and what it ends with", () => {
    const ajv = new Ajv2020();
    const takes = ajv.compile(inputsSchema(definition));
    const gives = ajv.compile(outputsSchema(definition));
    expect(takes({ topic: "x", parts: [{ weight: 1.5 }] })).toBe(true);
    expect(takes({ topic: 3 })).toBe(false);
    expect(takes({ topic: "x", tpic: "y" })).toBe(false);
    expect(gives({ topic: "x", count: 3, answer: "y" })).toBe(true);
    expect(gives({ topic: "x" })).toBe(false);
  });
});

describe("the page", () => {
  const page = () => {
    const answer = renderDocs(document(), CALLER);
    if (!("text" in answer)) throw new Error("the page is no text");
    return answer;
  };

  test("shows hostile names as text, and forbids scripts besides", () => {
    const { text, headers } = page();
    expect(text).not.toContain("<script");
    expect(text).toContain("&lt;/title&gt;&lt;script&gt;");
    expect(text).not.toContain("<b>bold");
    expect(headers?.["content-security-policy"]).toContain("default-src 'none'");
  });

  test("names every endpoint and needs nothing from elsewhere", () => {
    const { text } = page();
    expect(text).toContain("<code>/run</code>");
    expect(text).not.toMatch(/<(link|script|img)|url\(|@import/);
  });
});
