import { describe, expect, test } from "vitest";
import { failureEnvelope, successEnvelope } from "../../../src/cli/envelope.ts";
import { COMMANDS } from "../../../src/cli/table.ts";
import { AppError, ERROR_CODES } from "../../../src/errors.ts";
import { faultsOf, readSchema, schemaNames } from "../../support/envelope.ts";

const NOW = "2026-03-01T12:00:00.000Z";
const HEX = "0123456789abcdef".repeat(4);

const server = {
  name: "stigmer-server",
  runtime: "process",
  state: "ready",
  pid: 4711,
  startedAt: NOW,
  restarts: 0,
  nextRetryAt: null,
  lastExit: null,
  message: null,
  endpoint: "http://127.0.0.1:7234",
};
const runner = {
  name: "agent-runner",
  runtime: "container",
  state: "failed",
  containerId: HEX,
  containerName: "stigmer-agent-runner",
  image: "stigmer-agent-runner:local",
  imageId: "sha256:abc",
  startedAt: null,
  restarts: 2,
  nextRetryAt: NOW,
  lastExit: { at: NOW, code: null, signal: "SIGKILL", reason: "killed by SIGKILL" },
  message: "10 deaths in 10 minutes",
};
const status = { state: "degraded", home: "/h", instance: "i", version: "0.1.0", components: [server, runner] };
const image = { image: "i:local", imageId: "sha256:a", size: 1, version: "0.1.0", current: true };
const execution = { id: "e", kind: "agent", name: "a", phase: "succeeded", createdAt: NOW, endedAt: NOW };
const nodeRun = {
  run: 1,
  node: "a",
  iteration: 1,
  phase: "failed",
  startedAt: NOW,
  endedAt: NOW,
  durationMs: 0,
  steps: 2,
  tokens: { input: 1, output: 1 },
  output: null,
  error: { code: "EXECUTION_FAILED", message: "x" },
};
const event = { type: "message.delta", seq: 1, time: NOW, executionId: "e", data: { text: "hi" } };

const DATA: Record<string, unknown> = {
  "server start": { plan: ["stigmer-server: start a process"] },
  "server stop": { stopped: ["agent-runner"], killed: [] },
  "server restart": status,
  "server status": status,
  "image build": image,
  "image pull": image,
  "image push": image,
  "image status": { ...image, imageId: null, size: null, version: null, current: null },
  doctor: { checks: [{ name: "node", status: "pass", message: "ok", hint: null }] },
  "config get": { key: "llm.model", value: "x" },
  "config set": { key: "server.port", value: 0 },
  "config unset": { key: "execution.sandbox_images", value: [] },
  "config list": { settings: { engine: "embedded" } },
  "config path": { path: "/h/config.yaml" },
  apply: { dryRun: false, results: [{ kind: "Agent", name: "a", action: "created", file: "a.yaml" }] },
  "agent list": { agents: [{ name: "a" }] },
  "agent show": { agent: {} },
  "agent delete": { name: "a" },
  "workflow list": { workflows: [] },
  "workflow show": { workflow: {} },
  "workflow delete": { name: "w" },
  "workflow validate": { valid: true },
  run: { executionId: "e" },
  "execution list": { executions: [execution], nextCursor: null },
  "execution show": {
    execution: {
      ...execution,
      kind: "workflow",
      input: { topic: "x" },
      output: null,
      error: null,
      steps: [],
      nodes: [nodeRun],
      tokens: { input: 1, output: 1 },
    },
  },
  "execution events": { events: [event] },
  "execution cancel": { executionId: "e", phase: "cancelled" },
  "deploy generate": { directory: "/d", files: ["Dockerfile"], kept: [], durationMs: 3 },
  "deploy up": { name: "n", url: "http://127.0.0.1:8000", containerId: HEX, directory: "/d", state: "running" },
  "deploy status": { name: "n", url: "http://127.0.0.1:8000", containerId: HEX, directory: "/d", state: "running" },
  "deploy down": { name: "n" },
  completion: { shell: "bash", script: "" },
};

/** `server logs` only ever streams. */
const ENDING = COMMANDS.map(({ path }) => path).filter((path) => path !== "server logs");

describe("the schemas", () => {
  test.each(schemaNames())("%s is of draft 2020-12 and compiles", (name) => {
    expect(readSchema(name)["$schema"]).toBe("https://json-schema.org/draft/2020-12/schema");
    expect(faultsOf(name, 0)).toBeInstanceOf(Array);
  });

  test.each(ENDING)("know the envelope of %s", (command) => {
    expect(faultsOf("envelope.json", successEnvelope(command, DATA[command], ["mind this"]))).toEqual([]);
    expect(faultsOf("envelope.json", successEnvelope(command, { something: "else" }, []))).not.toEqual([]);
  });

  test("know every error code, and no other", () => {
    for (const code of ERROR_CODES) {
      const error = new AppError(code, "It failed", { actions: [{ label: "Do", command: "this" }] });
      expect(faultsOf("envelope.json", failureEnvelope("run", error.toBody(), []))).toEqual([]);
    }
    const { code: _, ...rest } = new AppError("USAGE", "x").toBody();
    expect(faultsOf("error.json", { ...rest, code: "OTHER" })).not.toEqual([]);
  });

  test("know the mistakes of a definition", () => {
    const issues = [{ file: "a.yaml", line: 3, field: "spec", message: "wrong", suggestion: null }];
    expect(faultsOf("error.json", new AppError("DEFINITION_INVALID", "x", { issues }).toBody())).toEqual([]);
  });

  test.each([
    ["status-record.json", { type: "status", ...status }],
    ["log-record.json", { type: "log", time: NOW, component: "agent-runner", stream: "stdout", level: null, line: "" }],
    ["log-record.json", { type: "marker", time: NOW, component: "temporal", marker: "restarted", detail: "" }],
    ["execution-event.json", event],
    ["execution-event.json", { ...event, type: "node.started", data: { node: "a", iteration: 2 } }],
    [
      "execution-event.json",
      { ...event, type: "node.completed", data: { node: "a", iteration: 1, ok: true, output: {} } },
    ],
    [
      "execution-event.json",
      { ...event, type: "execution.failed", data: { error: { code: "LLM", message: "x" }, node: "n" } },
    ],
  ])("know the records of %s", (schema, record) => expect(faultsOf(schema, record)).toEqual([]));

  test.each([
    ["a record of no type", "status-record.json", status],
    [
      "a time without milliseconds",
      "log-record.json",
      { type: "log", time: "2026-03-01T12:00:00Z", component: "temporal", stream: "stdout", level: null, line: "" },
    ],
    ["a short container ID", "status.json", { ...status, components: [{ ...runner, containerId: "0123" }] }],
    ["an unknown state", "status.json", { ...status, components: [{ ...server, state: "fine" }] }],
    ["an event without its text", "execution-event.json", { ...event, data: {} }],
    [
      "an end of a node that does not say how",
      "execution-event.json",
      { ...event, type: "node.completed", data: { node: "a", iteration: 1 } },
    ],
    [
      "an envelope with a stray member",
      "envelope.json",
      { ...successEnvelope("config path", { path: "/h" }, []), extra: 1 },
    ],
    [
      "a success with an error",
      "envelope.json",
      { ...failureEnvelope("run", new AppError("USAGE", "x").toBody(), []), status: "ok" },
    ],
  ])("refuse %s", (_, schema, value) => expect(faultsOf(schema, value)).not.toEqual([]));
});
