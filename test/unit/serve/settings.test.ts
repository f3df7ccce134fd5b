import { expect, test } from "vitest";
import { readFacts } from "../../../agent-runner/src/serve/deployment-facts.ts";
import { describeUnsuitableNode } from "../../../agent-runner/src/serve/node-release.ts";
import { readSettings, SettingsError } from "../../../agent-runner/src/serve/settings.ts";

const read = (environment: NodeJS.ProcessEnv) =>
  readSettings({ environment, directory: "/srv", syncTimeoutSeconds: 12 });

function messageOf(environment: NodeJS.ProcessEnv): string {
  try {
    read(environment);
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
  return "no mistake";
}

test("an empty environment gives the documented defaults", () => {
  expect(read({})).toMatchObject({
    port: 8000,
    host: "0.0.0.0",
    dataDirectory: "/srv/data",
    workspaceRoot: "/srv/data/workspace",
    syncTimeoutMs: 12_000,
    maxRunning: 4,
    maxWaiting: 100,
    apiToken: null,
    logLevel: "info",
    tracing: null,
  });
});

test("an empty value counts as not set", () => {
  expect(read({ PORT: "", API_TOKEN: "", SYNC_TIMEOUT: "", SECRETS_FILE: "" })).toMatchObject({
    port: 8000,
    apiToken: null,
    syncTimeoutMs: 12_000,
  });
});

test("values are read from the environment", () => {
  const values = {
    PORT: "9000",
    HOST: "::1",
    DATA_DIR: "/data",
    SYNC_TIMEOUT: "0.5",
    MAX_RUNNING: "1",
    MAX_WAITING: "0",
  };
  expect(read(values)).toMatchObject({
    port: 9000,
    host: "::1",
    dataDirectory: "/data",
    syncTimeoutMs: 500,
    maxRunning: 1,
    maxWaiting: 0,
  });
});

test.each([
  ["PORT", "0"],
  ["PORT", "65536"],
  ["PORT", "80a"],
  ["SYNC_TIMEOUT", "30s"],
  ["SYNC_TIMEOUT", "-1"],
  ["SYNC_TIMEOUT", "Infinity"],
  ["DRAIN_TIMEOUT", "soon"],
  ["JOB_TTL", "0"],
  ["MAX_RUNNING", "0"],
  ["MAX_RUNNING", "1.5"],
  ["MAX_WAITING", "-1"],
  ["LOG_LEVEL", "loud"],
  ["LLM_BASE_URL", "ftp://models"],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector"],
  ["TRACE_CONTENT", "yes"],
  ["ENGINE", "temporal"],
  ["ENGINE", "steam"],
])("%s=%s is refused by its name", (name, value) => {
  expect(messageOf({ [name]: value })).toContain(name);
});

test("all wrong values are named at once", () => {
  expect(messageOf({ PORT: "x", MAX_RUNNING: "y" })).toMatch(/PORT.*MAX_RUNNING/);
});

test("what the generator noted is read from package.json, and a directory without one has defaults", () => {
  const llm = { provider: "anthropic", model: "m", baseUrl: null, apiKeyEnv: "KEY" };
  const manifest = { name: "x", version: "1.0.0", stigmer: { version: "0.1.0", syncTimeoutSeconds: 5, llm } };
  expect(readFacts(JSON.stringify(manifest))).toEqual({ syncTimeoutSeconds: 5, defaults: llm });
  expect(readFacts(JSON.stringify({ name: "x" })).syncTimeoutSeconds).toBe(30);
  expect(readFacts(null)).toMatchObject({ syncTimeoutSeconds: 30, defaults: { provider: "ollama" } });
});

test.each(["20.19.0", "22.12.0", "18.0.0"])("Node %s is refused by its version", (version) => {
  expect(describeUnsuitableNode(version)).toContain(`this is Node ${version}`);
});
