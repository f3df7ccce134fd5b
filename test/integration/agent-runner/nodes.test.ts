import { readFile } from "node:fs/promises";
import type { EventDelivery, Json, NodeTask, Outcome } from "@stigmer/agent-runner/protocol";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { agent, eventTypes, type RunnerRig, startRunner, toolOutputs } from "../../support/agent-runner-rig.ts";
import { FakeBackend } from "../../support/fake-backend.ts";
import { type FakeAnswer, FakeModel, type FakeRequest } from "../../support/fake-model.ts";
import { NODE, type OneNode, oneNode } from "../../support/one-node.ts";
import { isAlive } from "../../support/process-state.ts";
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
  requests: FakeRequest[];
}

/** Runs the node against a service that gives these answers. */
async function ask(
  answers: FakeAnswer[],
  node: OneNode,
  task: Partial<NodeTask> & { provider?: string; name?: string } = {},
): Promise<Run> {
  const { provider = "openai-compatible", name = "test-model", ...rest } = task;
  const service = await FakeModel.start(answers);
  model = service;
  const definition = oneNode({ llm: { provider, name, base_url: service.url }, ...node });
  const id = backend.enqueueNode({ definition, node: NODE, ...rest });
  return { outcome: await backend.outcome(id), events: backend.events(id), requests: service.requests };
}

/** Runs the node with answers from a script. */
async function script(entries: Json[], node: OneNode, task: Partial<NodeTask> = {}): Promise<Omit<Run, "requests">> {
  const definition = oneNode({ llm: { provider: "scripted", script: entries }, ...node });
  const id = backend.enqueueNode({ definition, node: NODE, ...task });
  return { outcome: await backend.outcome(id), events: backend.events(id) };
}

function outputOf({ outcome }: { outcome: Outcome }): Json {
  if (outcome.phase !== "succeeded") throw new Error(`the node ended as ${JSON.stringify(outcome)}`);
  return outcome.output;
}

function deltas(events: EventDelivery[]): string {
  return events.map(({ type, data }) => (type === "message.delta" ? data["text"] : "")).join("");
}

const ANTHROPIC = { provider: "anthropic", name: "claude-sonnet-4-5", keys: { ANTHROPIC_API_KEY: "sk-ant-test" } };
const json = (value: Json): FakeAnswer => ({ text: JSON.stringify(value) });
const shell = (command: string): Json => ({ tool_calls: [{ tool: "shell", arguments: { command } }] });

describe("a node's prompt", () => {
  test("is what the model is asked, with the values of state and inputs in it", async () => {
    const { requests, outcome } = await ask(
      [{ text: "Fine." }],
      {
        fields: { topic: "str", notes: "list", draft: "str" },
        prompt: "Write {{json}} on {topic}, {state.notes}, as {tone}.",
        inputs: { tone: ["style", "tone"] },
        outputs: ["draft"],
      },
      { state: { topic: "{otters}", notes: [1, 2], style: { tone: "calm" } } },
    );
    expect(requests[0]?.body.messages).toEqual([
      { role: "user", content: "Write {json} on {otters}, [1,2], as calm." },
    ]);
    expect(requests[0]?.body).not.toHaveProperty("response_format");
    expect(outcome).toEqual({ phase: "succeeded", output: { draft: "Fine." }, tokens: { input: 7, output: 5 } });
  });

  test("is given to the model of the node, over that of the workflow, over the configuration's", async () => {
    const { requests } = await ask([{ text: "." }], {
      fields: { x: "str" },
      outputs: ["x"],
      shared: { provider: "openai-compatible", name: "shared", base_url: "http://127.0.0.1:1/v1", temperature: 0.5 },
    });
    expect(requests[0]?.body).toMatchObject({ model: "test-model", temperature: 0.5 });
    const service = model;
    if (service === null) throw new Error("no service");
    const defaults = { provider: "openai-compatible", model: "configured", baseUrl: service.url, apiKeyEnv: null };
    const id = backend.enqueueNode({ definition: oneNode(), node: NODE, defaults });
    await backend.outcome(id);
    expect(requests[1]?.body).toMatchObject({ model: "configured" });
  });
});

describe("the events and steps of a node run", () => {
  test("are told as those of an agent, with the node's name in every one", async () => {
    const { events } = await script([shell("echo 42"), { object: { n: 42 } }], {
      fields: { n: "int" },
      output: { n: "int" },
      outputs: ["n"],
      tools: [{ name: "shell", on_error: "fail" }],
    });
    expect(eventTypes(events)).toEqual([
      "step.started",
      "step.started",
      "tool.started",
      "tool.completed",
      "step.started",
      "message.delta",
      "message.completed",
    ]);
    expect(events.map(({ data }) => data["node"])).toEqual(Array(7).fill(NODE));
    expect(events.map(({ step }) => step)).toEqual([1, 2, 2, 2, 3, 3, 3]);
  });

  test("let another runner go on where the first died: finished steps are not run again", async () => {
    const definition = oneNode({
      fields: { n: "int" },
      output: "int",
      outputs: ["n"],
      tools: [{ name: "shell", on_error: "fail" }],
      llm: { provider: "scripted", script: [shell("echo ran >> node-runs"), { object: 7 }], delay_ms: 0 },
    });
    const whole = backend.enqueueNode({ definition, node: NODE });
    await backend.outcome(whole);
    const steps = backend
      .items(whole)
      .flatMap((item) => (item.kind === "step" && item.phase === "finished" && item.step < 3 ? [item] : []));
    expect(steps).toHaveLength(2);
    const again = backend.enqueueNode({ definition, node: NODE, steps, attempt: 2 });
    expect(await backend.outcome(again)).toMatchObject({ phase: "succeeded", output: { n: 7 } });
    expect(toolOutputs(backend.events(again))).toEqual([]);
    expect(await readFile(`${directory.path}/workspace/node-runs`, "utf8")).toBe("ran\n");
  });

  test("hide secrets, also in the output", async () => {
    const secret = "s3cr3t-of-the-node";
    const id = backend.enqueueNode({
      definition: oneNode({
        fields: { x: "list" },
        output: "list[str]",
        outputs: ["x"],
        llm: { provider: "scripted", script: [{ object: { x: [`it is ${secret}`] } }] },
      }),
      node: NODE,
      secrets: [secret],
    });
    expect(await backend.outcome(id)).toMatchObject({ output: { x: ["it is ***"] } });
    expect(JSON.stringify(backend.items(id))).not.toContain(secret);
  });
});

describe("structured output", () => {
  const person: OneNode = {
    fields: { name: "str", tags: "list[str]", scores: "dict[str, int]", extra: "str" },
    output: { name: "str", tags: "list[str]", scores: "dict[str, int]" },
    outputs: ["name", "tags", "scores"],
  };
  const answer = { name: "Ada", tags: ["a", "b"], scores: { x: 1 } };

  test("is asked for by the schema, in the request and in the instructions, and keeps its types", async () => {
    const run = await ask([json(answer)], person);
    expect(outputOf(run)).toEqual(answer);
    const [request] = run.requests;
    expect(request?.body).toMatchObject({
      response_format: {
        type: "json_schema",
        json_schema: {
          name: "answer",
          strict: false,
          schema: {
            type: "object",
            properties: { name: { type: "string" }, tags: { type: "array", items: { type: "string" } } },
            required: ["name", "tags", "scores"],
          },
        },
      },
    });
    expect(request?.body.messages[0]).toMatchObject({
      role: "system",
      content: expect.stringContaining('"scores":{"type":"object"'),
    });
  });

  test("is strict where every key is named", async () => {
    const { requests } = await ask([json({ name: "Ada" })], { ...person, output: { name: "str" }, outputs: ["name"] });
    expect(requests[0]?.body).toMatchObject({ response_format: { json_schema: { strict: true } } });
  });

  test("is asked for by the instructions alone beside tools, and where a service knows no such format", async () => {
    const tools = [{ name: "file_read" as const, on_error: "continue" as const }];
    const beside = await ask([json(answer)], { ...person, tools });
    expect(outputOf(beside)).toEqual(answer);
    expect(beside.requests[0]?.body).not.toHaveProperty("response_format");
    await model?.stop();

    const refusal = { status: 400, error: "response_format json_schema is unavailable for this model" };
    const { outcome, events, requests } = await ask([refusal, json(answer)], person);
    expect(outcome).toMatchObject({ phase: "succeeded", output: answer });
    expect(requests.map(({ body }) => "response_format" in body)).toEqual([true, false]);
    expect(eventTypes(events)).not.toContain("step.retried");
  });

  test("is asked of anthropic by its own format where the model has one", async () => {
    const run = await ask(
      [json({ name: "Ada" })],
      { ...person, output: { name: "str" }, outputs: ["name"] },
      ANTHROPIC,
    );
    expect(outputOf(run)).toEqual({ name: "Ada" });
    expect(run.requests[0]?.body).toMatchObject({
      output_config: { format: { type: "json_schema", schema: { properties: { name: { type: "string" } } } } },
    });
    expect(deltas(run.events)).toBe('{"name":"Ada"}');
  });

  test("is asked of anthropic's other models as the arguments of a tool", async () => {
    const task = { ...ANTHROPIC, name: "claude-3-haiku" };
    const asked = { ...person, tools: [{ name: "shell" as const, on_error: "fail" as const }] };
    const calls = [
      { toolCalls: [{ id: "t1", name: "shell", arguments: { command: "echo 42" } }] },
      { toolCalls: [{ id: "t2", name: "json", arguments: { name: "Ada" } }] },
      json(answer),
    ];
    const run = await ask(calls, asked, task);
    expect(outputOf(run)).toEqual(answer);
    expect(run.requests[0]?.body["tools"]).toMatchObject([{ name: "shell" }, { name: "json" }]);
    expect(toolOutputs(run.events)).toEqual([{ tool: "shell", ok: true, output: "exit code: 0\nstdout:\n42" }]);
    expect(run.events.filter(({ type }) => type === "step.retried")).toHaveLength(1);
  });

  test.each<[string, string, string, Json]>([
    ["an object with the field", "int", '{"x": 7}', 7],
    ["the bare value", "int", "7", 7],
    ["a usual key", "float", '{"result": 0.5}', 0.5],
    ["a code fence", "bool", 'Here you are:\n```json\n{"x": true}\n```\nDone.', true],
    ["a bare list", "list[int]", "[1, 2]", [1, 2]],
    ["a map that has one key", "dict[str, int]", '{"result": 3}', { result: 3 }],
    ["a text as it is", "str", "Seven, or {so}.", "Seven, or {so}."],
    ["a text in an object", "str", '{"x": "Seven."}', "Seven."],
  ])("of a single value is taken from %s", async (_, output, text, value) => {
    const { outcome } = await script([{ text }], { fields: { x: output }, output, outputs: ["x"] });
    expect(outcome).toMatchObject({ phase: "succeeded", output: { x: value } });
  });

  test("is not looked for where the node has no schema: its text is kept as it is", async () => {
    const { outcome } = await script([{ text: '{"x": "Seven."}' }], { fields: { x: "str" }, outputs: ["x"] });
    expect(outcome).toMatchObject({ output: { x: '{"x": "Seven."}' } });
  });

  test("is what the state says of the outputs where the node has no schema and they are no single text", async () => {
    const single = await script([{ text: "7" }], { fields: { n: "int" }, outputs: ["n"] });
    expect(single.outcome).toMatchObject({ output: { n: 7 } });
    const several = { fields: { n: "int", tags: "list[str]" }, outputs: ["n", "tags"] };
    const { outcome, events } = await script([{ object: { n: 7 } }, { object: { n: 7, tags: ["a"] } }], several);
    expect(outcome).toMatchObject({ output: { n: 7, tags: ["a"] } });
    expect(events.find(({ type }) => type === "step.retried")?.data["reason"]).toContain("tags is missing");
    expect((await script([{ text: "Done." }], { outputs: [] })).outcome).toMatchObject({ output: {} });
  });
});

describe("an answer that does not fit", () => {
  const scored: OneNode = { fields: { score: "int" }, output: { score: "int" }, outputs: ["score"] };

  test("is asked for again with the error in the prompt", async () => {
    const run = await ask([json({ score: "high" }), { text: "ten" }, json({ score: 10 })], scored);
    expect(outputOf(run)).toEqual({ score: 10 });
    const retried = run.events.filter(({ type }) => type === "step.retried").map(({ data }) => data);
    expect(retried).toEqual([
      { node: NODE, attempt: 2, reason: expect.stringContaining('score must be a whole number, not "high"') },
      { node: NODE, attempt: 3, reason: expect.stringContaining("is no JSON") },
    ]);
    expect(run.requests[1]?.body.messages.slice(-2)).toEqual([
      { role: "assistant", content: '{"score":"high"}' },
      { role: "user", content: expect.stringContaining('score must be a whole number, not "high"') },
    ]);
    expect(run.outcome).toMatchObject({ tokens: { input: 21, output: 15 } });
  });

  test("max_retries times and once more fails the node with the error and the answer's beginning", async () => {
    const { outcome, requests } = await ask([json({ score: "high" })], { ...scored, maxRetries: 2 });
    expect(requests).toHaveLength(3);
    expect(outcome).toMatchObject({ phase: "failed", error: { code: "EXECUTION_FAILED" } });
    const message = outcome.phase === "failed" ? outcome.error.message : "";
    expect(message).toContain('score must be a whole number, not "high"');
    expect(message).toContain('{"score":"high"}');
  });

  test("because it was cut says so to the model and in the failure", async () => {
    const { outcome, requests } = await ask([{ text: '{"sco', stop: "length" }], { ...scored, maxRetries: 1 });
    expect(requests[1]?.body.messages.at(-1)).toEqual({ role: "user", content: expect.stringContaining("max_tokens") });
    expect(outcome).toMatchObject({ phase: "failed", error: { message: expect.stringContaining("max_tokens") } });
  });

  test("with max_retries 0 fails at once, while a call that fails is still tried three times", async () => {
    const busy = { status: 503, headers: { "retry-after": "0" } };
    const { outcome, requests } = await ask([busy, busy, { text: "ten" }], { ...scored, maxRetries: 0 });
    expect(outcome).toMatchObject({ phase: "failed", error: { message: expect.stringContaining("is no JSON") } });
    expect(requests).toHaveLength(3);
  });
});

describe("a node's tools", () => {
  const withShell = (on_error: "fail" | "continue"): OneNode => ({
    fields: { x: "str" },
    outputs: ["x"],
    tools: [{ name: "shell", on_error }],
  });

  test("whose error is fatal end the node with it", async () => {
    const { outcome } = await script([shell("echo oops >&2; exit 3"), { text: "never" }], withShell("fail"));
    expect(outcome).toMatchObject({ phase: "failed", error: { code: "EXECUTION_FAILED" } });
    expect(outcome).toHaveProperty(
      "error.message",
      expect.stringMatching(/the tool shell failed: exit code: 3\n.*oops/s),
    );
  });

  test("with on_error continue give their error to the model", async () => {
    const { outcome, events } = await script([shell("exit 3"), { text: "I went on." }], withShell("continue"));
    expect(outcome).toMatchObject({ phase: "succeeded", output: { x: "I went on." } });
    expect(toolOutputs(events)).toEqual([{ tool: "shell", ok: false, output: "exit code: 3" }]);
  });

  test("that are not the node's are told to the model as unknown", async () => {
    const call = { tool_calls: [{ tool: "file_write", arguments: { path: "x", content: "y" } }] };
    const { outcome, events } = await script([call, { text: "I see." }], withShell("fail"));
    expect(outcome).toMatchObject({ phase: "succeeded" });
    expect(toolOutputs(events)[0]?.output).toContain('there is no tool "file_write"');
  });

  test("that never come to an end fail the node", async () => {
    const { outcome } = await script([shell("true")], { ...withShell("fail"), maxRetries: 0 });
    expect(outcome).toMatchObject({ phase: "failed", error: { message: expect.stringContaining("30 steps") } });
  });

  test("are killed when the run is cancelled", async () => {
    const definition = oneNode({
      ...withShell("fail"),
      llm: { provider: "scripted", script: [shell("echo $$ > node-pid; exec sleep 1000")] },
    });
    const id = backend.enqueueNode({ definition, node: NODE });
    await backend.until("the command's start", () => eventTypes(backend.events(id)).includes("tool.started"));
    const file = `${directory.path}/workspace/node-pid`;
    await expect.poll(() => readFile(file, "utf8").catch(() => ""), { timeout: 15_000 }).toMatch(/\d+\n/);
    const pid = (await readFile(file, "utf8")).trim();
    backend.cancel(id);
    expect(await backend.outcome(id)).toEqual({ phase: "cancelled" });
    await expect.poll(() => isAlive(pid), { timeout: 15_000 }).toBe(false);
  });
});

describe("a script", () => {
  test("goes on where the earlier runs of the node left it", async () => {
    const entries = [{ text: "one" }, { text: "two" }, { text: "three" }];
    const { outcome } = await script(entries, { fields: { x: "str" }, outputs: ["x"] }, { earlierCalls: 1 });
    expect(outcome).toMatchObject({ output: { x: "two" } });
  });
});

describe("an agent node", () => {
  const spec = (entries: Json[]) => ({
    reviewer: agent({
      instructions: "You review.",
      tools: ["shell"],
      model: { provider: "scripted", script: entries },
      limits: { max_steps: 3 },
    }),
  });
  const reviewed: OneNode = {
    prompt: null,
    agent: "reviewer",
    fields: { text: "str", review: "str" },
    outputs: ["review"],
  };

  test("runs the agent with its tools and keeps its text; an error of a tool goes back to it", async () => {
    const { outcome, events } = await script([], { ...reviewed, agents: spec([shell("exit 1"), { text: "Good." }]) });
    expect(outcome).toMatchObject({ phase: "succeeded", output: { review: "Good." } });
    expect(toolOutputs(events)).toMatchObject([{ tool: "shell", ok: false }]);
    expect(events.every(({ data }) => data["node"] === NODE)).toBe(true);
    expect(eventTypes(events)).not.toContain("execution.started");
  });

  test("asks it with its inputs as JSON, or with the state where it has none", async () => {
    const service = await FakeModel.start([{ text: "Good." }]);
    model = service;
    const agents = {
      reviewer: agent({
        instructions: "You review.",
        model: { provider: "openai-compatible", name: "of-the-agent", base_url: service.url },
      }),
    };
    const state = { text: "Draft", lang: "en" };
    const inputs = { draft: ["text"], missing: ["nothing"] };
    await backend.outcome(
      backend.enqueueNode({ definition: oneNode({ ...reviewed, agents, inputs }), node: NODE, state }),
    );
    await backend.outcome(backend.enqueueNode({ definition: oneNode({ ...reviewed, agents }), node: NODE, state }));
    expect(service.requests.map(({ body }) => body.messages)).toEqual([
      [
        { role: "system", content: "You review." },
        { role: "user", content: '{"draft":"Draft"}' },
      ],
      [
        { role: "system", content: "You review." },
        { role: "user", content: '{"text":"Draft","lang":"en"}' },
      ],
    ]);
  });

  test("with a schema has its answer parsed, and asked for again when it does not fit", async () => {
    const { outcome } = await script([], {
      ...reviewed,
      fields: { ok: "bool" },
      output: { ok: "bool" },
      outputs: ["ok"],
      agents: spec([{ text: "yes" }, { object: { ok: true } }]),
    });
    expect(outcome).toMatchObject({ phase: "succeeded", output: { ok: true } });
  });

  test("is held to the agent's own limits", async () => {
    const tooMany = await script([], { ...reviewed, agents: spec([shell("true")]) });
    expect(tooMany.outcome).toMatchObject({ phase: "failed", error: { message: expect.stringContaining("3 steps") } });
    const slow = agent({
      model: { provider: "scripted", script: [{ text: "never" }], delay_ms: 600_000 },
      limits: { timeout: "1s" },
    });
    const tooLong = await script([], { ...reviewed, agents: { reviewer: slow } });
    expect(tooLong.outcome).toMatchObject({
      phase: "failed",
      error: { code: "EXECUTION_FAILED", message: expect.stringContaining("within 1s (limits.timeout)") },
    });
  });

  test("whose execution's time is up ends as timed out", async () => {
    const slow = agent({ model: { provider: "scripted", script: [{ text: "never" }], delay_ms: 600_000 } });
    const { outcome } = await script([], { ...reviewed, agents: { reviewer: slow } }, { remainingMs: 300 });
    expect(outcome).toEqual({ phase: "timed_out" });
  });
});

describe("a workflow that is not as it was validated", () => {
  test("fails the node instead of ending the runner", async () => {
    const id = backend.enqueueNode({ definition: oneNode(), node: "nobody" });
    expect(await backend.outcome(id)).toMatchObject({ phase: "failed", error: { code: "INTERNAL" } });
  });
});
