import type { AgentTask, EventDelivery, Json, Outcome } from "@stigmer/agent-runner/protocol";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { agent, eventTypes, type RunnerRig, startRunner } from "../../support/agent-runner-rig.ts";
import { FakeBackend } from "../../support/fake-backend.ts";
import { type FakeAnswer, FakeModel } from "../../support/fake-model.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let backend: FakeBackend;
let runner: RunnerRig;
let model: FakeModel | null = null;

beforeAll(async () => {
  directory = await temporaryDirectory();
  backend = await FakeBackend.start();
  runner = await startRunner(backend, { directory: directory.path });
});

afterEach(async () => {
  await model?.stop();
  model = null;
});

afterAll(async () => {
  await runner.stop();
  await backend.crash();
  await directory[Symbol.asyncDispose]();
});

interface Run {
  outcome: Outcome;
  events: EventDelivery[];
  service: FakeModel;
}

/** Runs an agent against a service that gives these answers. */
async function run(
  answers: FakeAnswer[],
  options: Partial<AgentTask> & { spec?: { [key: string]: Json }; provider?: string } = {},
): Promise<Run> {
  const { spec = {}, provider = "ollama", ...task } = options;
  const service = await FakeModel.start(answers);
  model = service;
  const definition = agent({ model: { provider, name: "test-model", base_url: service.url }, ...spec });
  const id = backend.enqueue({ definition, ...task });
  return { outcome: await backend.outcome(id), events: backend.events(id), service };
}

function deltas(events: EventDelivery[]): string {
  return events.map(({ type, data }) => (type === "message.delta" ? data["text"] : "")).join("");
}

function reasons(events: EventDelivery[]): unknown[] {
  return events.filter(({ type }) => type === "step.retried").map(({ data }) => data);
}

describe("a model service", () => {
  test("is asked with instructions, conversation and tools, and its words come as they are produced", async () => {
    const { outcome, events, service } = await run([{ text: ["Hel", "lo."], tokens: { input: 12, output: 3 } }], {
      spec: { instructions: "Be brief.", tools: ["file_read"] },
      message: "Hi",
      conversation: [
        { role: "user", text: "Before" },
        { role: "assistant", text: "Yes" },
      ],
    });
    expect(outcome).toEqual({ phase: "succeeded", output: "Hello.", tokens: { input: 12, output: 3 } });
    expect(deltas(events)).toBe("Hello.");
    expect(service.requests).toHaveLength(1);
    expect(service.requests[0]).toMatchObject({
      path: "/v1/chat/completions",
      body: {
        model: "test-model",
        stream: true,
        messages: [
          { role: "system", content: "Be brief." },
          { role: "user", content: "Before" },
          { role: "assistant", content: "Yes" },
          { role: "user", content: "Hi" },
        ],
        tools: [
          {
            type: "function",
            function: { name: "file_read", parameters: { type: "object", required: ["path"] } },
          },
        ],
      },
    });
  });

  test("is given the results of its tool calls", async () => {
    const { outcome, service } = await run(
      [{ toolCalls: [{ id: "c1", name: "shell", arguments: { command: "echo 42" } }] }, { text: "It is 42." }],
      { spec: { tools: ["shell"] } },
    );
    expect(outcome).toMatchObject({ phase: "succeeded", output: "It is 42.", tokens: { input: 14, output: 10 } });
    expect(service.requests[1]?.body.messages.slice(-2)).toMatchObject([
      {
        role: "assistant",
        tool_calls: [{ id: "c1", function: { name: "shell", arguments: '{"command":"echo 42"}' } }],
      },
      { role: "tool", tool_call_id: "c1", content: "exit code: 0\nstdout:\n42" },
    ]);
  });

  test("is told of unknown tools, bad arguments and arguments that are not JSON, and may try again", async () => {
    const { outcome, events, service } = await run(
      [
        {
          toolCalls: [
            { id: "a", name: "shel", arguments: { command: "ls" } },
            { id: "b", name: "shell", arguments: { cmd: "ls" } },
            { id: "c", name: "shell", arguments: "{not json" },
            { id: "d", name: "shell", arguments: { command: 7 } },
          ],
        },
        { text: "I see." },
      ],
      { spec: { tools: ["shell"] } },
    );
    expect(outcome).toMatchObject({ phase: "succeeded" });
    const outputs = new Map(
      events
        .filter(({ type }) => type === "tool.completed")
        .map(({ data }) => [data["callId"], { ok: data["ok"], output: data["output"] }]),
    );
    expect(outputs.get("a")).toEqual({ ok: false, output: expect.stringContaining('did you mean "shell"?') });
    expect(outputs.get("b")).toEqual({
      ok: false,
      output: expect.stringMatching(/"command" is missing.*"cmd" is unknown/),
    });
    expect(outputs.get("c")).toEqual({ ok: false, output: expect.stringContaining("is not a JSON object") });
    expect(outputs.get("d")).toEqual({ ok: false, output: expect.stringContaining('"command" must be a string') });
    expect(service.requests[1]?.body.messages.filter(({ role }) => role === "tool")).toHaveLength(4);
  });

  test("that gives two calls the same id is told the result of each once", async () => {
    const call = (text: string) => ({ id: "call_0", name: "shell", arguments: { command: `echo ${text}` } });
    const { outcome, service } = await run([{ toolCalls: [call("one"), call("two")] }, { text: "ok" }], {
      provider: "anthropic",
      keys: { ANTHROPIC_API_KEY: "sk-ant-test" },
      spec: { tools: ["shell"] },
    });
    expect(outcome).toMatchObject({ phase: "succeeded" });
    expect(service.requests[1]?.body.messages.at(-1)?.content).toMatchObject([
      { type: "tool_result", tool_use_id: "call_0", content: "exit code: 0\nstdout:\none" },
      { type: "tool_result", tool_use_id: "call_1_2", content: "exit code: 0\nstdout:\ntwo" },
    ]);
  });
});

describe("a model call that fails", () => {
  test("with 429 and 500 is repeated, and each repeat is told", async () => {
    const began = performance.now();
    const { outcome, events, service } = await run([
      { status: 429, error: "slow down", headers: { "retry-after": "1" } },
      { status: 500, error: "oops", headers: { "retry-after": "0" } },
      { text: "Here." },
    ]);
    expect(outcome).toMatchObject({ phase: "succeeded", output: "Here." });
    expect(reasons(events)).toEqual([
      { attempt: 2, reason: expect.stringMatching(/429.*slow down/) },
      { attempt: 3, reason: expect.stringMatching(/500.*oops/) },
    ]);
    expect(service.requests).toHaveLength(3);
    expect(performance.now() - began).toBeGreaterThanOrEqual(1_000);
  });

  test("three times ends the execution as failed", async () => {
    const { outcome, events, service } = await run([{ status: 503, headers: { "retry-after": "0" } }]);
    expect(outcome).toMatchObject({
      phase: "failed",
      error: { code: "EXECUTION_FAILED", message: expect.stringContaining("503") },
    });
    expect(service.requests).toHaveLength(3);
    expect(reasons(events)).toHaveLength(2);
  });

  test("with 400 is not repeated", async () => {
    const { outcome, events, service } = await run([{ status: 400, error: "bad request" }]);
    expect(outcome).toMatchObject({ phase: "failed", error: { message: expect.stringContaining("bad request") } });
    expect(service.requests).toHaveLength(1);
    expect(reasons(events)).toEqual([]);
  });

  test.each<[string, FakeAnswer]>([
    ["is cut in the middle", { cutAfter: "Half an ans" }],
    ["is garbage", { garbage: "data: {nonsense\n\n" }],
    ["is a page instead of a stream", { garbage: "<html>Welcome</html>" }],
    ["is empty", { garbage: "" }],
  ])("because its answer %s is repeated, and the text begins again", async (_, answer) => {
    const { outcome, events } = await run([answer, { text: "Whole." }]);
    expect(outcome).toMatchObject({ phase: "succeeded", output: "Whole." });
    expect(reasons(events)).toEqual([{ attempt: 2, reason: expect.stringContaining("cut off or unreadable") }]);
    expect(eventTypes(events).filter((type) => type === "message.completed")).toHaveLength(1);
  });

  test.each([
    ["ollama", "length", "length"],
    ["ollama", "content_filter", "content-filter"],
    ["anthropic", "max_tokens", "length"],
    ["anthropic", "refusal", "content-filter"],
  ])("of %s that ends an answer with %s has its message marked as cut", async (provider, stop, cut) => {
    const keys = { ANTHROPIC_API_KEY: "sk-ant-test" };
    const { outcome, events } = await run([{ text: "The first half of", stop }], { provider, keys });
    expect(outcome).toMatchObject({ phase: "succeeded", output: "The first half of" });
    expect(events.find(({ type }) => type === "message.completed")?.data).toEqual({ text: "The first half of", cut });
  });

  test("that comes to its limit of tokens without a word fails the execution with the reason", async () => {
    const { outcome, service } = await run([{ text: "", stop: "length" }]);
    expect(outcome).toMatchObject({ phase: "failed", error: { message: expect.stringContaining("max_tokens") } });
    expect(service.requests).toHaveLength(1);
  });

  test("is not repeated when the service wants a longer pause than there is time for", async () => {
    const { outcome, service } = await run([{ status: 429, headers: { "retry-after": "3600" } }]);
    expect(outcome).toMatchObject({ phase: "failed" });
    expect(service.requests).toHaveLength(1);
  });
});

describe("a model service that falls silent", () => {
  test.each<[string, FakeAnswer]>([
    ["ollama", { endless: "x".repeat(64 * 1024) }],
    ["anthropic", { endless: "x".repeat(64 * 1024) }],
    ["ollama", { endlessLine: "x".repeat(1024 * 1024) }],
  ])("of %s that does not come to an end is hung up on, and not asked again", async (provider, answer) => {
    const { outcome, service } = await run([answer], { provider, keys: { ANTHROPIC_API_KEY: "a-key" } });
    expect(outcome).toMatchObject({
      phase: "failed",
      error: { code: "EXECUTION_FAILED", message: expect.stringContaining("set model.max_tokens") },
    });
    await service.until("the end of the connection", () => service.hangUps === 1);
    expect(service.requests).toHaveLength(1);
  });

  test("is hung up on when the execution is cancelled", async () => {
    const service = await FakeModel.start([{ silentAfter: "Well," }]);
    model = service;
    const definition = agent({ model: { provider: "ollama", name: "m", base_url: service.url } });
    const id = backend.enqueue({ definition });
    await backend.until("a first word", () => deltas(backend.events(id)) === "Well,");
    backend.cancel(id);
    expect(await backend.outcome(id)).toEqual({ phase: "cancelled" });
    await service.until("the end of the request", () => service.hangUps === 1);
  });

  test("ends with the execution's time", async () => {
    const { outcome } = await run([{ silentAfter: "" }], { remainingMs: 400 });
    expect(outcome).toEqual({ phase: "timed_out" });
  });
});

describe("LLM_UNAVAILABLE", () => {
  test("names the address of a service that does not answer, and the command that starts it", async () => {
    const gone = await FakeModel.start([]);
    const { url } = gone;
    await gone.stop();
    const id = backend.enqueue({ definition: agent({ model: { provider: "ollama", name: "m", base_url: url } }) });
    const outcome = await backend.outcome(id);
    expect(outcome).toMatchObject({ phase: "failed", error: { code: "LLM_UNAVAILABLE" } });
    expect(outcome).toHaveProperty("error.message", expect.stringContaining(url));
    expect(outcome).toHaveProperty("error.message", expect.stringContaining("ollama serve"));
    expect(reasons(backend.events(id))).toHaveLength(2);
  });

  test("names an unknown model, and the command that gets it", async () => {
    const { outcome, service } = await run([
      { status: 404, error: 'model "test-model" not found, try pulling it first' },
    ]);
    expect(outcome).toMatchObject({
      phase: "failed",
      error: { code: "LLM_UNAVAILABLE", message: expect.stringContaining("ollama pull test-model") },
    });
    expect(service.requests).toHaveLength(1);
  });

  test("names the variable of a missing key and where to put it, and asks nobody", async () => {
    const { outcome, service } = await run([{ text: "no" }], { provider: "anthropic" });
    expect(outcome).toMatchObject({
      phase: "failed",
      error: { code: "LLM_UNAVAILABLE", message: expect.stringMatching(/ANTHROPIC_API_KEY.*secrets\.env/) },
    });
    expect(service.requests).toEqual([]);
  });

  test("names the variable of a key that is refused", async () => {
    const { outcome } = await run([{ status: 401, error: "invalid key sk-1234567890" }], {
      provider: "openai",
      keys: { OPENAI_API_KEY: "sk-1234567890" },
    });
    expect(outcome).toMatchObject({
      error: { code: "LLM_UNAVAILABLE", message: expect.stringContaining("OPENAI_API_KEY") },
    });
    expect(JSON.stringify(outcome)).not.toContain("sk-1234567890");
  });

  test("is said when no model is named at all", async () => {
    const id = backend.enqueue({ definition: agent({ model: { provider: "openai" } }), keys: { OPENAI_API_KEY: "k" } });
    expect(await backend.outcome(id)).toMatchObject({
      error: { code: "LLM_UNAVAILABLE", message: expect.stringContaining("model.name") },
    });
  });
});

describe("providers", () => {
  const answers: FakeAnswer[] = [
    { text: "Looking.", toolCalls: [{ id: "t1", name: "shell", arguments: { command: "echo 42" } }] },
    { text: "It is 42." },
  ];

  test("anthropic works with tools and its key", async () => {
    const { outcome, events, service } = await run(answers, {
      provider: "anthropic",
      spec: { tools: ["shell"], instructions: "Be brief." },
      keys: { ANTHROPIC_API_KEY: "sk-ant-test" },
    });
    expect(outcome).toMatchObject({ phase: "succeeded", output: "It is 42.", tokens: { input: 14, output: 10 } });
    expect(deltas(events)).toBe("Looking.It is 42.");
    expect(service.requests.map(({ path, headers }) => [path, headers["x-api-key"]])).toEqual([
      ["/v1/messages", "sk-ant-test"],
      ["/v1/messages", "sk-ant-test"],
    ]);
    expect(service.requests[1]?.body.messages.at(-1)).toMatchObject({
      role: "user",
      content: [{ type: "tool_result", tool_use_id: "t1", content: "exit code: 0\nstdout:\n42" }],
    });
  });

  test.each([
    ["openai", { OPENAI_API_KEY: "sk-openai-test" }],
    ["openai-compatible", {}],
  ])("%s speaks chat completions", async (provider, keys) => {
    const { outcome, service } = await run(answers, { provider, keys, spec: { tools: ["shell"] } });
    expect(outcome).toMatchObject({ phase: "succeeded", output: "It is 42." });
    expect(service.requests.map(({ path, headers }) => [path, headers.authorization])).toEqual(
      Array(2).fill(["/v1/chat/completions", Object.values(keys).map((key) => `Bearer ${key}`)[0]]),
    );
  });
});
