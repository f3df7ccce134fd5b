import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { servedWorkflow, toolWorkflow } from "../../support/deployed-workflows.ts";
import { DeploymentRig } from "../../support/deployment-rig.ts";
import { FakeModel } from "../../support/fake-model.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status: { code: number; message?: string };
  attributes: { key: string; value: object }[];
}

let rig: DeploymentRig;
let model: FakeModel;
let collector: Server;
const spans: OtlpSpan[] = [];
const requests: { url: string; headers: object; text: string }[] = [];

afterEach(async () => {
  await rig?.[Symbol.asyncDispose]();
  await model?.stop();
  collector?.close();
  spans.length = 0;
  requests.length = 0;
});

async function startCollector(): Promise<string> {
  collector = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    requests.push({ url: request.url ?? "", headers: request.headers, text });
    spans.push(...JSON.parse(text).resourceSpans[0].scopeSpans[0].spans);
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  collector.listen(0, "127.0.0.1");
  await once(collector, "listening");
  return `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
}

const TOOL_CALL = { toolCalls: [{ name: "shell", arguments: { command: "echo from-the-tool" } }] };

test("a job is one trace of its node, model and tool spans, with tokens and without a word of them", async () => {
  const endpoint = await startCollector();
  model = await FakeModel.start([TOOL_CALL, { text: "the answer", tokens: { input: 11, output: 22 } }]);
  rig = await DeploymentRig.create({ workflow: toolWorkflow(model.url) });
  await rig.start({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: "x-key=a%20key" });
  const { body } = await rig.run({});
  await rig.until("the spans", async () => spans.some(({ name }) => name === "job tools"));
  expect(requests[0]).toMatchObject({ url: "/v1/traces", headers: { "x-key": "a key" } });
  const named = (name: string) => spans.filter((span) => span.name === name);
  const [job] = named("job tools");
  const [node] = named("node work");
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([body.job_id.replaceAll("-", "")]));
  expect(job?.parentSpanId).toBeUndefined();
  expect(node?.parentSpanId).toBe(job?.spanId);
  expect(named("chat fake")).toHaveLength(2);
  expect(named("execute_tool shell")).toHaveLength(1);
  for (const span of [...named("chat fake"), ...named("execute_tool shell")]) {
    expect(span.parentSpanId).toBe(node?.spanId);
    expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano));
  }
  expect(named("chat fake")[1]?.attributes).toContainEqual({
    key: "gen_ai.usage.output_tokens",
    value: { intValue: "22" },
  });
  const sent = requests.map(({ text }) => text).join();
  for (const content of ["the answer", "from-the-tool", '"Work"']) expect(sent).not.toContain(content);
});

test("prompts and answers are sent where TRACE_CONTENT says so", async () => {
  const endpoint = await startCollector();
  model = await FakeModel.start([{ text: "the answer" }]);
  rig = await DeploymentRig.create({ workflow: servedWorkflow(model.url) });
  await rig.start({ OTEL_EXPORTER_OTLP_ENDPOINT: `${endpoint}/`, TRACE_CONTENT: "true" });
  await rig.run({ topic: "rain" });
  await rig.until("the spans", async () => spans.some(({ name }) => name === "job greeting"));
  const sent = requests.map(({ text }) => text).join();
  expect(sent).toContain("Write about rain");
  expect(sent).toContain("the answer");
});

test("a failed job's spans say what failed by its code, and the end of the server waits for them", async () => {
  const endpoint = await startCollector();
  model = await FakeModel.start([{ status: 400, error: "very words" }]);
  rig = await DeploymentRig.create({ workflow: servedWorkflow(model.url) });
  const [exit] = await rig.start({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint });
  await rig.run({ topic: "rain" });
  rig.signal("SIGTERM");
  expect(await exit).toBe(0);
  expect(spans.find(({ name }) => name === "job greeting")?.status).toEqual({ code: 2, message: "EXECUTION_FAILED" });
  expect(requests.map(({ text }) => text).join()).not.toContain("very words");
});

test("a collector that is away costs nothing but its spans", async () => {
  model = await FakeModel.start([{ text: "the answer" }]);
  rig = await DeploymentRig.create({ workflow: servedWorkflow(model.url) });
  const [exit] = await rig.start({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" });
  expect((await rig.run({ topic: "rain" })).status).toBe(200);
  rig.signal("SIGTERM");
  expect(await exit).toBe(0);
  expect(rig.output).toContain("takes no traces");
});
