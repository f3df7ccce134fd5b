import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { DefinitionIssue } from "../../src/errors.ts";
import { faultsOf } from "../support/envelope.ts";
import { StackRig } from "../support/stack-rig.ts";

const EXAMPLES = new URL("../../examples", import.meta.url).pathname;

const good = (name: string, node = "prompt: Hello, output_schema: str"): string => `schema_version: "1.0"
flow: { name: ${JSON.stringify(name)} }
state: { fields: { text: { type: str } } }
nodes:
  - { id: only, ${node}, outputs: [text] }
edges:
  - { from: START, to: only }
  - { from: only, to: END }
`;

const agent = (name: string): string =>
  `apiVersion: stigmer/v1\nkind: Agent\nmetadata: { name: ${name} }\nspec: { instructions: Help. }\n`;

/** Line 5 cannot be read as a node, and lines 7 and 8 lead nowhere. */
const BAD = good("bad", "promt: Hello, output_schema: str")
  .replace("to: only", "to: onyl")
  .replace("from: only", "from: zzzz");

describe("workflow validate", () => {
  const rig = new StackRig();
  const file = (name: string, text: string): string => {
    const path = rig.path("..", name);
    writeFileSync(path, text);
    return path;
  };

  afterAll(async () => {
    expect(await rig.dispose()).toEqual([]);
  });

  test("needs no server and writes nothing, not even a home", async () => {
    const home = rig.path("..", "no home");
    const path = file("good.yaml", good("good"));
    const { exitCode, envelope, stdout } = await rig.json(["--home", home, "workflow", "validate", path]);
    expect(exitCode, stdout).toBe(0);
    expect(envelope).toMatchObject({ data: { valid: true }, warnings: [], error: null });
    expect(faultsOf("envelope.json", envelope)).toEqual([]);
    const text = await rig.run(["--home", home, "workflow", "validate", path]);
    expect(text).toEqual({ exitCode: 0, stdout: `${path} is valid\n`, stderr: "" });
    expect(existsSync(home)).toBe(false);
    expect(rig.has("data")).toBe(false);
  });

  test("takes JSON, several documents of a file, and standard input", async () => {
    const json = file("good.json", JSON.stringify(parse(good("in JSON"))));
    expect((await rig.run(["workflow", "validate", json])).exitCode).toBe(0);
    const several = file(
      "several.yaml",
      `${good("one")}---\n${agent("helper")}---\n${good("two", "agent: elsewhere")}`,
    );
    expect((await rig.run(["workflow", "validate", several])).exitCode).toBe(0);
    const { stdout } = await rig.run(["workflow", "validate", "-"], { input: good("from stdin") });
    expect(stdout).toBe("<stdin> is valid\n");
  });

  test("warns by name of what is ignored, in the envelope and on stderr", async () => {
    const path = file("warns.yaml", `${good("warns")}observability: { mlflow: true }\nstorage: {}\n`);
    const warnings = [
      `${path}:9: observability is ignored: it means nothing here`,
      `${path}:10: storage is ignored: it means nothing here`,
    ];
    const { exitCode, envelope, stderr } = await rig.json(["workflow", "validate", path]);
    expect([exitCode, envelope.data, envelope.warnings, stderr]).toEqual([0, { valid: true }, warnings, ""]);
    const text = await rig.run(["workflow", "validate", path]);
    expect(text.stderr).toBe(warnings.map((warning) => `Warning: ${warning}\n`).join(""));
  });

  test("tells every mistake with file, line, field and nearest name, exit 2", async () => {
    const path = file("bad.yaml", BAD);
    const { exitCode, envelope } = await rig.json(["workflow", "validate", path]);
    expect([exitCode, envelope.error?.code, envelope.data]).toEqual([2, "DEFINITION_INVALID", null]);
    expect(faultsOf("envelope.json", envelope)).toEqual([]);
    const issues: DefinitionIssue[] = envelope.error?.issues ?? [];
    expect(issues.map(({ file: at, line, field, suggestion }) => [at, line, field, suggestion])).toEqual([
      [path, 5, "nodes[0].promt", "prompt"],
      [path, 5, "nodes[0]", null],
      [path, 7, "edges[0].to", "only"],
      [path, 8, "edges[1].from", null],
    ]);
    const text = await rig.run(["workflow", "validate", path]);
    expect([text.exitCode, text.stdout]).toEqual([2, ""]);
    expect(text.stderr).toContain(`${path}:5: nodes[0].promt: unknown key "promt" (did you mean prompt?)`);
    expect(text.stderr).toContain(`${path}:7: edges[0].to: there is no node "onyl" (did you mean only?)`);
    expect(text.stderr).not.toContain("nothing was applied");
  });

  test("refuses a file without a workflow, one that is not there, and one that is no YAML", async () => {
    const alone = file("agent.yaml", agent("alone"));
    const { exitCode, envelope } = await rig.json(["workflow", "validate", alone]);
    expect([exitCode, envelope.error?.code]).toEqual([2, "DEFINITION_INVALID"]);
    expect(envelope.error?.issues).toMatchObject([{ file: alone, line: 1, message: "holds no workflow" }]);
    const missing = await rig.json(["workflow", "validate", "nowhere.yaml"]);
    expect([missing.exitCode, missing.envelope.error?.code]).toEqual([2, "USAGE"]);
    const broken = await rig.json(["workflow", "validate", file("broken.yaml", "flow: [\n")]);
    expect([broken.exitCode, broken.envelope.error?.code]).toEqual([2, "DEFINITION_INVALID"]);
  });
});

describe("with a running stack", () => {
  const rig = new StackRig({ config: "server: { port: 0 }\nagent_runner: { runtime: process }\n" });

  beforeAll(async () => {
    const { exitCode, stderr } = await rig.run(["server", "start"]);
    expect(exitCode, stderr).toBe(0);
  });

  afterAll(async () => {
    expect(await rig.dispose()).toEqual([]);
  });

  interface Result {
    kind: string;
    name: string;
    action: string;
    file: string;
  }

  async function apply(args: string[], input?: string): Promise<Result[]> {
    const options = input === undefined ? {} : { input };
    const { envelope, stdout } = await rig.json<{ results: Result[] }>(["apply", ...args], options);
    expect(envelope.status, stdout).toBe("ok");
    expect(faultsOf("envelope.json", envelope)).toEqual([]);
    return envelope.data.results;
  }

  async function names(): Promise<string[]> {
    const { envelope } = await rig.json<{ workflows: { name: string }[] }>(["workflow", "list"]);
    expect(faultsOf("envelope.json", envelope)).toEqual([]);
    return envelope.data.workflows.map(({ name }) => name);
  }

  test("a workflow is applied by its flow.name: a dry run writes nothing, then created, unchanged, updated", async () => {
    const file = rig.path("changing.yaml");
    const name = "Änderungen / changes";
    const result = (action: string) => [{ kind: "Workflow", name, action, file }];
    writeFileSync(file, good(name));
    expect(await apply(["-f", file, "--dry-run"])).toEqual(result("created"));
    expect(await names()).not.toContain(name);
    expect(await apply(["-f", file])).toEqual(result("created"));
    writeFileSync(file, `# a comment changes nothing\n${good(name)}`);
    expect(await apply(["-f", file])).toEqual(result("unchanged"));
    writeFileSync(file, good(name, "prompt: Bye, output_schema: str"));
    expect(await apply(["-f", file, "--dry-run"])).toEqual(result("updated"));
    expect((await rig.run(["apply", "-f", file])).stdout).toBe(`workflow/${name} updated\n`);
    expect(await names()).toContain(name);
  });

  test("agents and workflows of a folder, of standard input and of one file are applied together", async () => {
    const folder = rig.path("definitions");
    mkdirSync(folder);
    writeFileSync(`${folder}/both.yaml`, `${good("runs-an-agent", "agent: helper")}---\n${agent("helper")}`);
    writeFileSync(`${folder}/third.json`, JSON.stringify(parse(good("third"))));
    const results = await apply(["-f", folder]);
    expect(results.map(({ kind, name, action }) => [kind, name, action])).toEqual([
      ["Workflow", "runs-an-agent", "created"],
      ["Agent", "helper", "created"],
      ["Workflow", "third", "created"],
    ]);
    expect(await apply(["-f", "-"], good("from-stdin", "agent: helper"))).toMatchObject([{ name: "from-stdin" }]);
  });

  test("the examples are applied, and a second time unchanged", async () => {
    await apply(["-f", EXAMPLES]);
    const again = await apply(["-f", EXAMPLES]);
    expect(new Set(again.map(({ action }) => action))).toEqual(new Set(["unchanged"]));
    expect(again.filter(({ kind }) => kind === "Workflow").map(({ name }) => name)).toEqual(
      expect.arrayContaining(["article-writer", "fork-join", "review-loop"]),
    );
  });

  test("one bad workflow among good definitions: all mistakes are told and nothing is written", async () => {
    const folder = rig.path("with-mistakes");
    mkdirSync(folder);
    writeFileSync(`${folder}/a-good.yaml`, good("never-written"));
    writeFileSync(`${folder}/b-bad.yaml`, BAD);
    const { exitCode, envelope } = await rig.json(["apply", "-f", folder]);
    expect([exitCode, envelope.error?.code]).toEqual([2, "DEFINITION_INVALID"]);
    expect(envelope.error?.message).toMatch(/nothing was applied$/);
    expect(envelope.error?.issues?.map(({ line }) => line)).toEqual([5, 5, 7, 8]);
    expect(await names()).not.toContain("never-written");
  });

  test("an unknown agent is named by apply with its line and the nearest, and nothing is written", async () => {
    await apply(["-f", "-"], agent("librarian"));
    const file = rig.path("mentions.yaml");
    writeFileSync(file, `${good("never-written")}---\n${good("mentions", "agent: libarian")}`);
    const { exitCode, envelope } = await rig.json(["apply", "-f", file]);
    expect([exitCode, envelope.error?.code]).toEqual([2, "DEFINITION_INVALID"]);
    expect(faultsOf("envelope.json", envelope)).toEqual([]);
    expect(envelope.error?.issues).toEqual([
      {
        file,
        line: 14,
        field: "nodes[0].agent",
        message: 'there is no agent "libarian", neither applied nor here',
        suggestion: "librarian",
      },
    ]);
    expect(await names()).not.toContain("never-written");
  });

  test("what is shown can be applied again and is unchanged; a deleted one is gone", async () => {
    await apply(["-f", `${EXAMPLES}/fork-join.yaml`]);
    const shown = await rig.json<{ workflow: { flow: unknown; nodes: unknown[] } }>(["workflow", "show", "fork-join"]);
    expect(faultsOf("envelope.json", shown.envelope)).toEqual([]);
    expect(shown.envelope.data.workflow).toMatchObject({ flow: { name: "fork-join", version: "1.0.0" } });
    expect(shown.envelope.data.workflow.nodes).toHaveLength(4);
    const text = await rig.run(["workflow", "show", "fork-join"]);
    expect(parse(text.stdout)).toEqual(shown.envelope.data.workflow);
    expect(await apply(["-f", "-"], text.stdout)).toMatchObject([{ name: "fork-join", action: "unchanged" }]);
    const list = await rig.run(["workflow", "list"]);
    expect(list.stdout).toMatch(/^NAME +UPDATED +DESCRIPTION\n/);
    expect(list.stdout).toContain("Three experts judge an idea at once");
    const deleted = await rig.json(["workflow", "delete", "fork-join"]);
    expect([deleted.exitCode, deleted.envelope.data]).toEqual([0, { name: "fork-join" }]);
    expect(await names()).not.toContain("fork-join");
  });

  test("an unknown workflow is NOT_FOUND with the nearest name", async () => {
    await apply(["-f", "-"], good("librarian"));
    for (const verb of ["show", "delete"]) {
      const { exitCode, envelope } = await rig.json(["workflow", verb, "libarian"]);
      expect([verb, exitCode, envelope.error?.code]).toEqual([verb, 1, "NOT_FOUND"]);
      expect(envelope.error?.message).toContain("did you mean librarian?");
      expect(faultsOf("envelope.json", envelope)).toEqual([]);
    }
  });

  test("an empty list says how to apply one", async () => {
    for (const name of await names()) expect((await rig.run(["workflow", "delete", name])).exitCode).toBe(0);
    const { stdout, stderr, exitCode } = await rig.run(["workflow", "list"]);
    expect([exitCode, stdout]).toEqual([0, ""]);
    expect(stderr).toContain("stigmer apply -f FILE");
  });
});

test("the schema that the examples name is shipped beside them", () => {
  const [line = ""] = readFileSync(`${EXAMPLES}/fork-join.yaml`, "utf8").split("\n");
  const path = line.replace("# yaml-language-server: $schema=", "");
  expect(existsSync(`${EXAMPLES}/${path}`)).toBe(true);
});
