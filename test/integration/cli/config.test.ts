import { chmod, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadSettings } from "../../../src/config/load.ts";
import { AppError } from "../../../src/errors.ts";
import { runCli, runJson } from "../../support/cli-process.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const FILE = `# my settings
server:
  host: 127.0.0.1 # loopback only
  port: 7300

llm: { provider: ollama, model: "qwen3:8b" } # local
`;

async function homeWith(text: string) {
  const home = await temporaryDirectory();
  await writeFile(home.file("config.yaml"), text);
  return home;
}

describe("config", () => {
  test("get and list print what holds: variables over the file over the defaults", async () => {
    await using home = await homeWith(FILE);
    const env = { STIGMER_LLM_MODEL: "from-env" };
    const options = { home: home.path, env };
    expect((await runJson(["config", "get", "server.port"], options)).envelope.data).toEqual({
      key: "server.port",
      value: 7300,
    });
    expect((await runJson(["config", "get", "llm.model"], options)).envelope.data).toEqual({
      key: "llm.model",
      value: "from-env",
    });
    expect((await runCli(["config", "get", "agent_runner.memory"], options)).stdout).toBe("1g\n");
    expect((await runJson(["config", "list"], options)).envelope.data).toMatchObject({
      settings: { server: { host: "127.0.0.1", port: 7300 }, engine: "embedded", llm: { model: "from-env" } },
    });
  });

  test("path prints where the file is or would be", async () => {
    await using home = await temporaryDirectory();
    expect((await runCli(["config", "path"], { home: home.path })).stdout).toBe(`${home.file("config.yaml")}\n`);
  });

  test("set changes one value and keeps comments and order", async () => {
    await using home = await homeWith(FILE);
    const { exitCode, envelope } = await runJson(["config", "set", "server.port", "7400"], { home: home.path });
    expect([exitCode, envelope.data]).toEqual([0, { key: "server.port", value: 7400 }]);
    expect(await readFile(home.file("config.yaml"), "utf8")).toBe(FILE.replace("7300", "7400"));
    expect((await stat(home.file("config.yaml"))).mode & 0o777).toBe(0o600);
  });

  test("set makes the home and the file when there is none", async () => {
    await using parent = await temporaryDirectory();
    const home = join(parent.path, "new home");
    await runCli(["config", "set", "agent_runner.memory", "512m"], { home });
    expect(await readFile(join(home, "config.yaml"), "utf8")).toMatch(/^# .*\nagent_runner:\n {2}memory: 512m\n$/);
    expect((await stat(home)).mode & 0o777).toBe(0o700);
  });

  test("unset brings the default back, and takes an empty section with it", async () => {
    await using home = await homeWith(FILE);
    await runCli(["config", "unset", "server.host"], { home: home.path });
    const { envelope } = await runJson(["config", "unset", "server.port"], { home: home.path });
    expect(envelope.data).toEqual({ key: "server.port", value: 7234 });
    const text = await readFile(home.file("config.yaml"), "utf8");
    expect(text).not.toContain("server");
    expect(text).toContain('llm: { provider: ollama, model: "qwen3:8b" } # local');
  });

  test("unset of what is not there leaves the file as it is, layout included", async () => {
    const odd = "llm:    {model:   x}   # odd\n\n\n";
    await using home = await homeWith(odd);
    expect((await runCli(["config", "unset", "server.port"], { home: home.path })).exitCode).toBe(0);
    expect(await readFile(home.file("config.yaml"), "utf8")).toBe(odd);
  });

  test("set keeps text as text and lists as lists", async () => {
    await using home = await temporaryDirectory();
    const options = { home: home.path };
    await runCli(["config", "set", "llm.model", "1.10"], options);
    await runCli(["config", "set", "execution.sandbox_images", "[node:24, python:3]"], options);
    await runCli(["config", "set", "execution.retention", "30d"], options);
    expect((await runJson(["config", "get", "llm.model"], options)).envelope.data).toMatchObject({ value: "1.10" });
    expect((await runJson(["config", "get", "execution.sandbox_images"], options)).envelope.data).toMatchObject({
      value: ["node:24", "python:3"],
    });
    const { settings } = (await runJson(["config", "list"], options)).envelope.data as { settings: object };
    expect(settings).toMatchObject({ execution: { retention: "30d" } });
  });

  test.each([
    ["server.port", "70000", "CONFIG_INVALID", "server.port must be a port from 0 to 65535, not 70000"],
    [
      "agent_runner.runtime",
      "podman",
      "CONFIG_INVALID",
      'agent_runner.runtime must be docker or process, not "podman"',
    ],
    ["engine", "temporal", "CONFIG_INVALID", "engine: temporal is not part of this version yet"],
    ["llm.modle", "x", "USAGE", 'There is no setting "llm.modle"'],
    ["server", "x", "USAGE", "server is a section, not a setting"],
  ])("set %s %s is refused and nothing is written", async (key, value, code, message) => {
    await using home = await homeWith(FILE);
    const { exitCode, envelope } = await runJson(["config", "set", key, value], { home: home.path });
    expect([exitCode, envelope.error?.code, envelope.error?.message]).toEqual([2, code, message]);
    expect(await readFile(home.file("config.yaml"), "utf8")).toBe(FILE);
  });

  test("set can mend a wrong value, and refuses while another is left", async () => {
    await using home = await homeWith("server: { port: high }\n");
    expect((await runCli(["config", "set", "llm.model", "x"], { home: home.path })).exitCode).toBe(2);
    expect((await runCli(["config", "set", "server.port", "7300"], { home: home.path })).exitCode).toBe(0);
  });

  test("of a damaged file is refused with file and line, and the file stays", async () => {
    const damaged = "server:\n  port: [72";
    await using home = await homeWith(damaged);
    for (const args of [
      ["config", "list"],
      ["config", "set", "server.port", "1"],
      ["config", "unset", "server.port"],
    ]) {
      const { exitCode, envelope } = await runJson(args, { home: home.path });
      expect([exitCode, envelope.error?.code]).toEqual([2, "CONFIG_INVALID"]);
      expect(envelope.error?.message).toContain(`${home.file("config.yaml")}:2: `);
    }
    expect(await readFile(home.file("config.yaml"), "utf8")).toBe(damaged);
  });

  test("with several mistakes tells all of them", async () => {
    await using home = await homeWith("server: { prot: 1, host: 5 }\n");
    const env = { STIGMER_AGENT_RUNNER_CONCURRENCY: "many" };
    const { exitCode, stderr } = await runCli(["config", "list"], { home: home.path, env });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('unknown key "prot" in server (did you mean port?)');
    expect(stderr).toContain("server.host must be an IP address");
    expect(stderr).toContain('STIGMER_AGENT_RUNNER_CONCURRENCY must be a whole number from 1 to 1000, not "many"');
  });

  test("with an unknown variable warns by name", async () => {
    await using home = await temporaryDirectory();
    const { envelope } = await runJson(["config", "path"], { home: home.path, env: { STIGMER_SERVER_PROT: "1" } });
    expect(envelope.warnings).toEqual([]);
    const listed = await runJson(["config", "list"], { home: home.path, env: { STIGMER_SERVER_PROT: "1" } });
    expect(listed.envelope.warnings).toEqual([
      "Unknown variable STIGMER_SERVER_PROT is ignored (did you mean STIGMER_SERVER_PORT?)",
    ]);
  });
});

describe("loadSettings", () => {
  const load = (configFile: string) => loadSettings({ configFile, env: {} });

  test("takes flags over variables over the file", async () => {
    await using home = await homeWith("agent_runner: { runtime: docker, concurrency: 2 }\n");
    const { settings } = await loadSettings({
      configFile: home.file("config.yaml"),
      env: { STIGMER_AGENT_RUNNER_CONCURRENCY: "3", STIGMER_AGENT_RUNNER_RUNTIME: "docker" },
      overrides: { "agent_runner.runtime": "process", "agent_runner.concurrency": undefined },
    });
    expect(settings.agentRunner).toMatchObject({ runtime: "process", concurrency: 3 });
  });

  test("takes an empty file as no settings", async () => {
    await using home = await homeWith("");
    expect((await load(home.file("config.yaml"))).settings.server.port).toBe(7234);
  });

  test.each([
    ["a folder", async (path: string) => mkdir(path), "is not a regular file"],
    ["larger than 1 MiB", async (path: string) => writeFile(path, "#".repeat(1024 ** 2 + 1)), "is larger than 1 MiB"],
    ["binary", async (path: string) => writeFile(path, Buffer.from([0xff, 0xfe, 0x00])), "is not a text file in UTF-8"],
  ])("says so of a file that is %s", async (_, make, message) => {
    await using home = await temporaryDirectory();
    const path = home.file("config.yaml");
    await make(path);
    const error: unknown = await load(path).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: "CONFIG_INVALID", message: `${path} ${message}` });
  });

  test.skipIf(process.getuid?.() === 0)("says so of a file that may not be read", async () => {
    await using home = await homeWith(FILE);
    await chmod(home.file("config.yaml"), 0o000);
    await expect(load(home.file("config.yaml"))).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  });
});
