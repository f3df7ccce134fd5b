import { readFileSync } from "node:fs";
import { loadDocuments } from "@stigmer/agent-runner/definitions";
import { describe, expect, test } from "vitest";

const GOOD = `apiVersion: stigmer/v1
kind: Agent
metadata: { name: helper }
spec:
  instructions: Help.
  tools: [file_read]
`;

describe("a good definition", () => {
  test("is read with every default filled in", () => {
    const { documents, issues } = loadDocuments(GOOD, "a.yaml");
    expect(issues).toEqual([]);
    expect(documents).toMatchObject([{ kind: "Agent", name: "helper", file: "a.yaml", line: 1 }]);
    expect(documents[0]?.definition).toEqual({
      apiVersion: "stigmer/v1",
      kind: "Agent",
      metadata: { name: "helper" },
      spec: {
        description: "",
        model: {
          provider: null,
          name: null,
          base_url: null,
          api_key_env: null,
          temperature: null,
          max_tokens: null,
          script: null,
          delay_ms: 0,
        },
        instructions: "Help.",
        tools: ["file_read"],
        mcp_servers: [],
        skills: [],
        execution: { mode: "local" },
        limits: { max_steps: 30, timeout: null },
        env: [],
      },
    });
  });

  test("gives the same JSON whatever the order of its keys", () => {
    const turned = `spec: { tools: [file_read], instructions: Help. }
metadata: { name: helper }
kind: Agent
apiVersion: stigmer/v1
`;
    const text = (yaml: string) => JSON.stringify(loadDocuments(yaml, "a.yaml").documents[0]?.definition);
    expect(text(turned)).toBe(text(GOOD));
  });

  test("declares the variables of its MCP servers, as secrets where nothing else is said", () => {
    const text = `${GOOD}  mcp_servers: [{ name: a, command: [x], env: [TOKEN, MODE] }]
  env: [{ name: MODE }]
`;
    expect(loadDocuments(text, "a.yaml").documents[0]?.definition).toHaveProperty("spec.env", [
      { name: "MODE", secret: false, required: false },
      { name: "TOKEN", secret: true, required: false },
    ]);
  });

  test("may be one of several documents, or JSON", () => {
    const second = GOOD.replace("helper", "other");
    const { documents, issues } = loadDocuments(`# two\n---\n${GOOD}---\n${second}`, "a.yaml");
    expect(issues).toEqual([]);
    expect(documents.map(({ name, line }) => [name, line])).toEqual([
      ["helper", 3],
      ["other", 10],
    ]);
    const json = JSON.stringify(documents[0]?.definition, null, "\t");
    expect(loadDocuments(json, "a.json")).toMatchObject({ documents: [{ name: "helper" }], issues: [] });
  });

  test.each(["hello", "pr-reviewer"])("stands in examples/%s.yaml, with the schema named in its first line", (name) => {
    const text = readFileSync(new URL(`../../../examples/${name}.yaml`, import.meta.url), "utf8");
    expect(loadDocuments(text, name)).toMatchObject({ documents: [{ name }], issues: [] });
    expect(text).toMatch(/^# yaml-language-server: \$schema=\.\.\/agent-runner\/schemas\/agent\.schema\.json\n/);
  });
});

describe("mistakes", () => {
  test("are all found at once, each with line, field and nearest name", () => {
    const text = `apiVersion: stigmer/v1
kind: Agent
metadata:
  name: Not A Name
spec:
  model:
    provider: olama
    temperature: 5
  instructons: Help.
  tools:
    - file_read
    - file_raed
    - shell
    - shell
  limits:
    max_stepps: 3
    timeout: soon
  env:
    - { name: 1st }
    - { secret: "yes", name: OK }
`;
    const { documents, issues } = loadDocuments(text, "bad.yaml");
    expect(documents).toEqual([]);
    expect(issues.map(({ line, field, suggestion }) => [line, field, suggestion])).toEqual([
      [4, "metadata.name", null],
      [7, "spec.model.provider", "ollama"],
      [8, "spec.model.temperature", null],
      [9, "spec.instructons", "instructions"],
      [12, "spec.tools[1]", "file_read"],
      [16, "spec.limits.max_stepps", "max_steps"],
      [17, "spec.limits.timeout", null],
      [19, "spec.env[0].name", null],
      [20, "spec.env[1].secret", null],
    ]);
    expect(new Set(issues.map(({ file }) => file))).toEqual(new Set(["bad.yaml"]));
  });

  test.each([
    [
      "a missing part",
      "apiVersion: stigmer/v1\nkind: Agent\nmetadata: {}\nspec: {}\n",
      3,
      "metadata.name",
      "is required",
    ],
    ["a wrong kind of value", GOOD.replace("[file_read]", "file_read"), 6, "spec.tools", "must be a list"],
    [
      "a tool named twice",
      GOOD.replace("[file_read]", "[shell, shell]"),
      6,
      "spec.tools[1]",
      'the tool "shell" a second',
    ],
    ["another apiVersion", GOOD.replace("v1", "v9"), 1, "apiVersion", 'must be stigmer/v1, not "stigmer/v9"'],
    ["a name of 64 characters", GOOD.replace("helper", "x".repeat(64)), 3, "metadata.name", "1 to 63 characters"],
    ["scripted without a script", `${GOOD}  model: { provider: scripted }\n`, 7, "spec.model.script", "is required"],
    ["an empty script", `${GOOD}  model: { provider: scripted, script: [] }\n`, 7, "spec.model.script", "at least one"],
    ["a script of another provider", `${GOOD}  model: { script: [{ text: x }] }\n`, 7, "spec.model.script", "scripted"],
    [
      "text and object in one entry",
      `${GOOD}  model: { provider: scripted, script: [{ text: x, object: 1 }] }\n`,
      7,
      "spec.model.script[0]",
      "object alone",
    ],
    ["a base_url that is none", `${GOOD}  model: { base_url: here }\n`, 7, "spec.model.base_url", "http or https URL"],
    [
      "sandbox mode",
      `${GOOD}  execution: { mode: sandbox }\n`,
      7,
      "spec.execution.mode",
      "not part of this version yet",
    ],
    [
      "an MCP server with command and url",
      `${GOOD}  mcp_servers:\n    - { name: a, command: [x], url: "http://x" }\n`,
      8,
      "spec.mcp_servers[0]",
      "must have command or url",
    ],
    [
      "an MCP server with neither",
      `${GOOD}  mcp_servers: [{ name: a }]\n`,
      7,
      "spec.mcp_servers[0]",
      "must have command or url",
    ],
    ["a folder that is no skill", `${GOOD}  skills:\n    - ./none\n`, 8, "spec.skills[0]", "has no SKILL.md"],
    ["a misspelt kind", "# first\nkind: agnet\n", 2, "kind", 'kind "agnet" is unknown'],
    ["a document of no kind", "just: text\n", 1, "kind", "a definition has kind: Agent"],
    ["a list", "- kind: Agent\n", 1, "kind", "a definition has kind: Agent"],
    ["nothing", "# only a comment\n", 1, "", "holds no definition"],
    ["broken YAML", "kind: Agent\nspec: [\n", 3, "", "is no valid YAML"],
    ["a key given twice", "kind: Agent\nkind: Agent\n", 2, "", "is no valid YAML"],
    ["aliases that explode", billionLaughs(), 1, "", "alias"],
    ["a list in itself", "kind: Agent\nspec: &a [*a]\n", 1, "", "an alias (*) stands inside of what it repeats"],
    ["a map in itself", "flow: &a { b: [{ c: *a }] }\n", 1, "", "an alias (*) stands inside of what it repeats"],
  ])("%s is told in one sentence", (_, text, line, field, message) => {
    const { documents, issues } = loadDocuments(text, "a.yaml");
    expect(documents).toEqual([]);
    expect(issues).toMatchObject([{ line, field, message: expect.stringContaining(message) }]);
  });

  test("a value that stands in two places is no mistake", () => {
    const text = GOOD.replace("[file_read]", "&t [file_read]").replace("Help.", "Help.\n  skills: &n []\n  env: *n");
    expect(loadDocuments(text, "a.yaml")).toMatchObject({ documents: [{ name: "helper" }], issues: [] });
  });

  test("a second agent of the same name is told where it stands", () => {
    const { documents, issues } = loadDocuments(`${GOOD}---\n${GOOD}`, "a.yaml");
    expect(documents).toHaveLength(1);
    expect(issues).toMatchObject([
      { line: 10, field: "metadata.name", message: 'a second agent with the name "helper"' },
    ]);
  });

  test("a bad document leaves the good ones beside it readable", () => {
    const { documents, issues } = loadDocuments(`${GOOD}---\nkind: Agent\n`, "a.yaml");
    expect(documents.map(({ name }) => name)).toEqual(["helper"]);
    expect(issues.length).toBeGreaterThan(0);
  });
});

function billionLaughs(): string {
  const levels = Array.from(
    { length: 12 },
    (_, at) => `l${at + 1}: &l${at + 1} [${Array(9).fill(`*l${at}`).join(", ")}]`,
  );
  return `l0: &l0 [ha, ha]\n${levels.join("\n")}\n`;
}
