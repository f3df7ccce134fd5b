import { describe, expect, test } from "vitest";
import { resolveSettings } from "../../../src/config/resolve.ts";
import { isSettingKey, settingKeys, toSettings, variableOf } from "../../../src/config/schema.ts";

const from = { baseDirectory: "/home/someone/.stigmer" };

function resolve(...given: [string, unknown][]) {
  const candidates = given.map(([key, raw]) => {
    if (!isSettingKey(key)) throw new Error(`no setting ${key}`);
    return { key, raw, name: key };
  });
  return resolveSettings(candidates, from);
}

describe("settings", () => {
  test("have defaults that pass their own rules", () => {
    const { values, mistakes } = resolve();
    expect(mistakes).toEqual([]);
    expect(toSettings(values)).toEqual({
      server: { host: "127.0.0.1", port: 7234 },
      engine: "embedded",
      temporal: { managed: true, address: "127.0.0.1:7233", namespace: "default", uiPort: 8233 },
      agentRunner: {
        runtime: "docker",
        image: "stigmer-agent-runner:local",
        registryImage: null,
        pull: "never",
        containerName: null,
        network: "host",
        workspace: null,
        memoryBytes: 1024 ** 3,
        concurrency: 4,
      },
      dockerRunner: { enabled: false, port: 7071 },
      llm: { provider: "ollama", model: "qwen2.5-coder:7b", baseUrl: null, apiKeyEnv: null },
      execution: { mode: "local", sandboxImage: null, sandboxImages: [], timeoutMs: 600_000, retentionMs: null },
      logs: { maxSizeBytes: 10 * 1024 ** 2, maxFiles: 5 },
    });
  });

  test("take the last value given", () => {
    expect(resolve(["llm.model", "first"], ["llm.model", "second"]).values["llm.model"]).toBe("second");
  });

  test("are read from text as well as from YAML values", () => {
    const { values, written } = resolve(
      ["server.port", "8080"],
      ["temporal.managed", "false"],
      ["agent_runner.memory", "512m"],
    );
    expect([values["server.port"], values["temporal.managed"]]).toEqual([8080, false]);
    expect([values["agent_runner.memory"], written["agent_runner.memory"]]).toEqual([512 * 1024 ** 2, "512m"]);
  });

  test.each([
    ["server.port", 65_536, "server.port must be a port from 0 to 65535, not 65536"],
    ["server.port", "80a", 'server.port must be a port from 0 to 65535, not "80a"'],
    ["temporal.ui_port", 0, "temporal.ui_port must be a port from 1 to 65535, not 0"],
    ["docker_runner.port", "x", 'docker_runner.port must be a port from 0 to 65535, not "x"'],
    ["server.host", "example.com", 'server.host must be an IP address such as 127.0.0.1, not "example.com"'],
    [
      "agent_runner.runtime",
      "dokcer",
      'agent_runner.runtime must be docker or process (did you mean docker?), not "dokcer"',
    ],
    ["agent_runner.memory", "1k", 'agent_runner.memory must be a size of at least 64m, not "1k"'],
    ["agent_runner.memory", "lots", 'agent_runner.memory must be a size such as 1g, not "lots"'],
    ["agent_runner.concurrency", 1.5, "agent_runner.concurrency must be a whole number from 1 to 1000, not 1.5"],
    [
      "agent_runner.image",
      null,
      "agent_runner.image must be an image reference such as stigmer-agent-runner:local, not nothing",
    ],
    ["execution.timeout", 600, "execution.timeout must be a time such as 10m, not 600"],
    ["execution.retention", "soon", 'execution.retention must be a time such as 30d, or null, not "soon"'],
    ["execution.retention", "0s", 'execution.retention must be a time such as 30d, or null, not "0s"'],
    ["execution.sandbox_images", "one", 'execution.sandbox_images must be a list of image references, not "one"'],
    [
      "llm.base_url",
      "ftp://x",
      'llm.base_url must be an http or https URL such as http://127.0.0.1:11434/v1, or null, not "ftp://x"',
    ],
    ["llm.model", ["a"], "llm.model must be the name of a model, not a list"],
    ["temporal.managed", "yes", 'temporal.managed must be true or false, not "yes"'],
  ])("%s refuses %j", (key, raw, sentence) => expect(resolve([key, raw]).mistakes).toEqual([sentence]));

  test.each([
    ["engine", "temporal", "engine: temporal is not part of this version yet"],
    ["execution.mode", "sandbox", "execution.mode: sandbox is not part of this version yet"],
  ])("refuse %s: %s in one plain sentence", (key, raw, sentence) =>
    expect(resolve([key, raw]).mistakes).toEqual([sentence]),
  );

  test("tell every mistake at once", () => {
    expect(resolve(["server.port", -1], ["llm.provider", "olama"], ["logs.max_files", 0]).mistakes).toHaveLength(3);
  });

  test.each([
    ["../code", "/home/someone/code"],
    ["/srv/code", "/srv/code"],
  ])("make a workspace of %s absolute, from the folder of the config file", (raw, path) =>
    expect(resolve(["agent_runner.workspace", raw]).values["agent_runner.workspace"]).toBe(path),
  );

  test("expand ~ of a workspace", () => {
    const path = resolve(["agent_runner.workspace", "~/code"]).values["agent_runner.workspace"];
    expect(path).toMatch(/^\/.*\/code$/);
    expect(path).not.toContain("~");
  });

  test("have one variable each", () => {
    expect(new Set(settingKeys().map(variableOf)).size).toBe(settingKeys().length);
    expect(variableOf("agent_runner.container_name")).toBe("STIGMER_AGENT_RUNNER_CONTAINER_NAME");
    expect(variableOf("engine")).toBe("STIGMER_ENGINE");
  });
});
