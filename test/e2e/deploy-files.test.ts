import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../src/platform/package.ts";
import { faultsOf } from "../support/envelope.ts";
import { StackRig } from "../support/stack-rig.ts";

const EXAMPLES = readdirSync(join(packageRoot(), "examples"))
  .map((name) => join(packageRoot(), "examples", name))
  .filter((path) => readFileSync(path, "utf8").includes("schema_version"));

const workflow = (
  node = "prompt: Write., outputs: [text]",
  llm = "{ provider: scripted, script: [{ text: done }] }",
) => `
schema_version: "1.0"
flow: { name: My Flow }
state: { fields: { text: { type: str } } }
nodes: [{ id: only, ${node} }]
edges: [{ from: START, to: only }, { from: only, to: END }]
config: { llm: ${llm} }
`;

interface GenerateData {
  directory: string;
  files: string[];
  kept: string[];
  outOfDate?: string[];
}

describe("deploy generate", () => {
  const rig = new StackRig();
  const root = rig.path("..", "work");
  mkdirSync(root);
  const at = (name: string) => join(root, name);
  const file = (name: string, text: string) => {
    writeFileSync(at(name), text);
    return at(name);
  };
  const good = file("good.yaml", workflow());

  afterAll(async () => {
    expect(await rig.dispose()).toEqual([]);
  });

  async function generate(args: string[], env: Record<string, string> = {}) {
    const result = await rig.json<GenerateData>(["deploy", "generate", ...args], { env });
    expect(faultsOf("envelope.json", result.envelope)).toEqual([]);
    return result;
  }

  test.each(EXAMPLES)("writes %s, says what it wrote, and is then up to date", async (path) => {
    const output = at(`example-${EXAMPLES.indexOf(path)}`);
    const missing = await generate([path, "--output", output, "--check"]);
    expect(missing).toMatchObject({ exitCode: 1 });
    expect(existsSync(output)).toBe(false);
    const { envelope, exitCode } = await generate([path, "--output", output]);
    expect(exitCode).toBe(0);
    expect(envelope.data.directory).toBe(output);
    expect(envelope.data.files.toSorted()).toEqual(readdirSync(output).toSorted());
    expect(envelope.data.files).toHaveLength(9);
    expect(readFileSync(join(output, "workflow.yaml"))).toEqual(readFileSync(path));
    expect(await generate([path, "--output", output, "--check"])).toMatchObject({ exitCode: 0 });
    const other = await generate([path, "--output", output, "--check", "--api-port", "9000"]);
    expect(other.exitCode).toBe(1);
    expect(other.envelope.data.outOfDate).toEqual(["README.md", "docker-compose.yml", "manifest.json"]);
  });

  test("gives every workflow the same server, which is a program", async () => {
    const servers = EXAMPLES.map((_path, index) => readFileSync(at(`example-${index}/server.js`)));
    for (const server of servers) expect(server.equals(servers[0] ?? Buffer.alloc(0))).toBe(true);
    execFileSync(process.execPath, ["--check", at("example-0/server.js")]);
  });

  test("keeps what was changed by hand, says so, exits 0, and gives it up with --force", async () => {
    const output = at("by-hand");
    await generate([good, "--output", output]);
    writeFileSync(join(output, "README.md"), "mine\n");
    const kept = await generate([good, "--output", output, "--api-port", "9000"]);
    expect(kept).toMatchObject({ exitCode: 0, envelope: { data: { kept: ["README.md"] } } });
    expect(kept.envelope.warnings).toEqual([expect.stringContaining("README.md")]);
    expect(await generate([good, "--output", output, "--api-port", "9000", "--check"])).toMatchObject({ exitCode: 0 });
    expect(readFileSync(join(output, "README.md"), "utf8")).toBe("mine\n");
    await generate([good, "--output", output, "--force"]);
    expect(readFileSync(join(output, "README.md"), "utf8")).toMatch(/^# My Flow\n/);
  });

  test.each([
    ["a file that is not there", ["nothing.yaml"], "USAGE"],
    ["a name that is none", ["good.yaml", "--name", "My Shop"], "USAGE"],
    ["a name with a newline", ["good.yaml", "--name", "a\nprivileged: true"], "USAGE"],
    ["port 0", ["good.yaml", "--api-port", "0"], "USAGE"],
    ["port 65536", ["good.yaml", "--api-port", "65536"], "USAGE"],
    ["a time that is none", ["good.yaml", "--sync-timeout", "soon"], "USAGE"],
    ["an invalid workflow", ["bad.yaml"], "DEFINITION_INVALID"],
    ["an agent without --agents", ["agent.yaml"], "DEFINITION_INVALID"],
    ["a code node", ["code.yaml"], "DEFINITION_INVALID"],
    ["an output without a name", ["good.yaml", "--output", ""], "USAGE"],
    ["two agents of one name", ["agent.yaml", "--agents", "twice"], "DEFINITION_INVALID"],
    ["a file of nothing", ["empty.yaml"], "DEFINITION_INVALID"],
  ])("refuses %s with 2, and writes nothing", async (_what, [name = "", ...options], code) => {
    file("bad.yaml", workflow("prompt: Write., outputs: [unknown]"));
    file("agent.yaml", workflow("agent: helper, outputs: [text]"));
    file("code.yaml", workflow("code: 'print(1)', outputs: [text]"));
    file("empty.yaml", "");
    mkdirSync(at("twice"), { recursive: true });
    for (const one of ["one", "two"]) {
      file(`twice/${one}.yaml`, "apiVersion: stigmer/v1\nkind: Agent\nmetadata: { name: helper }\nspec: {}\n");
    }
    const before = readdirSync(root);
    const given = options.map((option) => (option === "twice" ? at(option) : option));
    const { envelope, exitCode } = await generate([at(name), "--output", at("refused"), ...given]);
    expect(exitCode).toBe(2);
    expect(envelope).toMatchObject({ data: null, error: { code } });
    expect(readdirSync(root)).toEqual(before);
  });

  test("refuses a project's directory with 2 and leaves it alone, with --force too", async () => {
    const output = at("project");
    mkdirSync(join(output, "src"), { recursive: true });
    writeFileSync(join(output, "src", "main.ts"), "mine");
    for (const options of [[], ["--force"]]) {
      const { envelope, exitCode } = await generate([good, "--output", output, ...options]);
      expect(exitCode).toBe(2);
      expect(envelope.error?.message).toContain(output);
    }
    expect(readdirSync(output, { recursive: true })).toEqual(["src", join("src", "main.ts")]);
  });

  test("takes agents from a directory, as data, and names the nearest of one that is not there", async () => {
    mkdirSync(at("agents"), { recursive: true });
    file(
      "agents/all.yaml",
      "apiVersion: stigmer/v1\nkind: Agent\nmetadata: { name: helper }\nspec: { model: { provider: anthropic, name: m } }\n" +
        "---\napiVersion: stigmer/v1\nkind: Agent\nmetadata: { name: unused }\nspec: { model: { provider: openai, name: m } }\n",
    );
    const named = file("agent.yaml", workflow("agent: helper, outputs: [text]"));
    const { exitCode } = await generate([named, "--output", at("with-agents"), "--agents", at("agents")]);
    expect(exitCode).toBe(0);
    expect(Object.keys(JSON.parse(readFileSync(at("with-agents/agents.json"), "utf8")))).toEqual(["helper"]);
    expect(readFileSync(at("with-agents/.env.example"), "utf8").match(/^\w+=/gm)).toEqual(["ANTHROPIC_API_KEY="]);
    const wrong = file("agent.yaml", workflow("agent: helpr, outputs: [text]"));
    const refused = await generate([wrong, "--output", at("other"), "--agents", at("agents")]);
    expect(refused.envelope.error?.issues).toEqual([expect.objectContaining({ line: 5, suggestion: "helper" })]);
  });

  test("is exported by the package as two functions", async () => {
    const script = `
      import { generate, write } from "stigmer/deploy";
      import { readFileSync } from "node:fs";
      const files = generate(readFileSync(${JSON.stringify(good)}), { name: "shop", apiPort: 9000 });
      await write(${JSON.stringify(at("exported"))}, files);
      console.log([...files.keys()].length);
    `;
    const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], { cwd: packageRoot() });
    expect(output.toString()).toBe("9\n");
    expect(
      await generate([good, "--output", at("exported"), "--name", "shop", "--api-port", "9000", "--check"]),
    ).toMatchObject({ exitCode: 0 });
  });
});

describe("deploy up, before anything is built", () => {
  const rig = new StackRig({ env: { DOCKER_HOST: "unix:///nonexistent/docker.sock" } });
  const root = rig.path("..", "work");
  mkdirSync(root);
  const path = join(root, "flow.yaml");
  writeFileSync(path, workflow(undefined, "{ provider: anthropic, model: m }"));
  const up = (...options: string[]) => rig.json(["deploy", "up", path, "--output", join(root, "deploy"), ...options]);

  afterAll(async () => {
    expect(await rig.dispose()).toEqual([]);
  });

  test("names a key that is missing", async () => {
    const { envelope, exitCode } = await up();
    expect(exitCode).toBe(2);
    expect(envelope.error).toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("ANTHROPIC_API_KEY"),
    });
  });

  test("that is not there is a usage error, though Node has an option of that name", async () => {
    const bin = join(packageRoot(), "bin", "stigmer.js");
    const args = ["deploy", "up", join(root, "flow.yaml"), "--env-file", join(root, "nowhere.env"), "--json"];
    const { status, stdout } = spawnSync(bin, args, { encoding: "utf8" });
    expect([status, JSON.parse(stdout).error]).toEqual([2, expect.objectContaining({ code: "USAGE" })]);
  });

  test("tells a malformed line by its number, and never its content", async () => {
    const keys = join(root, "keys.env");
    writeFileSync(keys, "ANTHROPIC_API_KEY=x\nhunter2 is the password\n");
    const { envelope, exitCode, stderr, stdout } = await up("--env-file", keys);
    expect(exitCode).toBe(2);
    expect(envelope.error?.message).toContain("line 2");
    expect(`${stdout}${stderr}`).not.toContain("hunter2");
  });

  test("takes the keys from the directory's .env, else from secrets.env, and then asks for Docker", async () => {
    rig.write("secrets.env", "ANTHROPIC_API_KEY=from-the-home\n");
    const withoutDocker = await up();
    expect(withoutDocker.exitCode).toBe(5);
    expect(JSON.stringify(withoutDocker.envelope)).not.toContain("stigmer server start"); // Of no help here.
    expect(existsSync(join(root, "deploy"))).toBe(false); // Nothing is written before it is known that it can run.
    await rig.run(["deploy", "generate", path, "--output", join(root, "deploy")]);
    writeFileSync(join(root, "deploy", ".env"), "OTHER=1\n");
    expect(await up()).toMatchObject({ exitCode: 2 });
    writeFileSync(join(root, "deploy", ".env"), "ANTHROPIC_API_KEY=from-the-directory\n");
    expect(await up()).toMatchObject({ exitCode: 5 });
    expect(readFileSync(join(root, "deploy", ".env"), "utf8")).toContain("from-the-directory");
  });

  test("with --check runs nothing that is out of date", async () => {
    rmSync(join(root, "deploy", "README.md"));
    expect(await up("--check")).toMatchObject({ exitCode: 1, envelope: { error: { code: "VERSION_MISMATCH" } } });
    expect(existsSync(join(root, "deploy", "README.md"))).toBe(false);
  });
});
