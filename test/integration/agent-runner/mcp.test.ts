import { fileURLToPath } from "node:url";
import type { Json } from "@stigmer/agent-runner/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { agent, type RunnerRig, startRunner, toolOutputs } from "../../support/agent-runner-rig.ts";
import { FakeBackend } from "../../support/fake-backend.ts";
import { FakeModel } from "../../support/fake-model.ts";
import { startMcpHttpServer } from "../../support/mcp-http-server.ts";
import { isAlive } from "../../support/process-state.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

const SERVER = fileURLToPath(new URL("../../fixtures/agent-runner/mcp-server.mjs", import.meta.url));

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let backend: FakeBackend;
let runner: RunnerRig;

beforeAll(async () => {
  directory = await temporaryDirectory();
  backend = await FakeBackend.start();
  runner = await startRunner(backend, { directory: directory.path });
});

afterAll(async () => {
  await runner.stop();
  await backend.crash();
  await directory[Symbol.asyncDispose]();
});

function server(...args: string[]): Json {
  return { name: "calc", command: [process.execPath, SERVER, ...args] };
}

/** An agent with the server that makes these calls at once, and then says "done". */
function caller(calls: { tool: string; arguments: Json }[], mcpServer = server()): Json {
  return agent({
    mcp_servers: [mcpServer],
    model: { provider: "scripted", script: [{ tool_calls: calls }, { text: "done" }] },
  });
}

describe("an MCP server over standard streams", () => {
  test("has its tools called, with the environment of the execution", async () => {
    const id = backend.enqueue({
      definition: caller([
        { tool: "calc__add", arguments: { a: 40, b: 2 } },
        { tool: "calc__env", arguments: { name: "GREETING" } },
        { tool: "calc__fail", arguments: {} },
        { tool: "calc__ad", arguments: {} },
      ]),
      environment: { GREETING: "hello" },
    });
    expect(await backend.outcome(id)).toMatchObject({ phase: "succeeded" });
    const outputs = new Map(toolOutputs(backend.events(id)).map(({ tool, ok, output }) => [tool, { ok, output }]));
    expect(outputs.get("calc__add")).toEqual({ ok: true, output: "42" });
    expect(outputs.get("calc__env")).toEqual({ ok: true, output: "hello" });
    expect(outputs.get("calc__fail")).toEqual({ ok: false, output: "this always fails" });
    expect(outputs.get("calc__ad")).toEqual({
      ok: false,
      output: expect.stringContaining('did you mean "calc__add"?'),
    });
  });

  test("is offered to the model with its schema", async () => {
    const service = await FakeModel.start([{ text: "ok" }]);
    const model = { provider: "ollama", name: "m", base_url: service.url };
    const id = backend.enqueue({ definition: agent({ mcp_servers: [server("--chatty")], tools: ["shell"], model }) });
    expect(await backend.outcome(id)).toMatchObject({ phase: "succeeded" });
    await service.stop();
    expect(service.requests[0]?.body["tools"]).toMatchObject([
      { function: { name: "shell" } },
      {
        function: {
          name: "calc__add",
          description: "Adds two numbers",
          parameters: { type: "object", properties: { a: { type: "number" } } },
        },
      },
      { function: { name: "calc__env" } },
      { function: { name: "calc__fail" } },
      { function: { name: "calc__pid" } },
    ]);
  });

  test("is gone when the execution ends, also where a shell started it", async () => {
    const command = ["sh", "-c", `"${process.execPath}" "${SERVER}"; true`];
    const id = backend.enqueue({
      definition: caller([{ tool: "calc__pid", arguments: {} }], { name: "calc", command }),
    });
    expect(await backend.outcome(id)).toMatchObject({ phase: "succeeded" });
    const [result] = toolOutputs(backend.events(id));
    expect(result?.output).toMatch(/^\d+$/);
    await expect.poll(() => isAlive(result?.output ?? ""), { timeout: 15_000 }).toBe(false);
  });

  test.each([
    ["ends at once", server("--broken"), "no licence found"],
    ["does not exist", { name: "calc", command: ["no-such-program"] }, "not found"],
    ["is not reached", null, "ECONNREFUSED"],
  ])("that %s fails the execution with its name and the reason", async (_, given, reason) => {
    const mcpServer = given ?? { name: "calc", url: await closedUrl() };
    const id = backend.enqueue({ definition: caller([{ tool: "calc__add", arguments: {} }], mcpServer) });
    const outcome = await backend.outcome(id);
    expect(outcome).toMatchObject({ phase: "failed", error: { code: "EXECUTION_FAILED" } });
    expect(outcome).toHaveProperty("error.message", expect.stringContaining('MCP server "calc"'));
    expect(outcome).toHaveProperty("error.message", expect.stringContaining(reason));
  });
});

describe("an MCP server over streamable HTTP", () => {
  test.each(["json", "stream"] as const)("has its tools called, where it answers by %s", async (answers) => {
    await using http = await startMcpHttpServer(answers);
    const call = { tool: "docs__add", arguments: { a: 40, b: 2 } };
    const id = backend.enqueue({ definition: caller([call], { name: "docs", url: http.url }) });
    expect(await backend.outcome(id)).toMatchObject({ phase: "succeeded" });
    expect(toolOutputs(backend.events(id))).toEqual([{ tool: "docs__add", ok: true, output: "42" }]);
    expect(http.methods).toEqual(["initialize", "notifications/initialized", "tools/list", "tools/call"]);
  });
});

/** An address where nobody listens any more. */
async function closedUrl(): Promise<string> {
  const service = await FakeModel.start([]);
  await service.stop();
  return service.url;
}
