import { once } from "node:events";
import { request } from "node:http";
import {
  type ExecutionEvent,
  type HeartbeatResponse,
  type HelloResponse,
  type PollResponse,
  QUEUES,
} from "@stigmer/agent-runner/protocol";
import { expect, test } from "vitest";
import type { ApplyReport } from "../../../src/server/routes/definitions.ts";
import { type EngineApi, startEngineApi } from "../../support/engine-api.ts";
import { agentDefinition, applyAgent, applyWorkflow, hello, readAll, runRequest } from "../../support/engine-rig.ts";
import { answerWith, event, startScriptedWorker } from "../../support/scripted-worker.ts";

const STRING_FIELD = { type: { kind: "str" }, required: false, description: null, default: null };

const WRONG_BODIES: unknown[] = [
  undefined,
  null,
  1,
  "text",
  [],
  {},
  { sessionId: 1 },
  { sessionId: "s", capacity: 0 },
  { sessionId: "s", capacity: 1.5 },
  { sessionId: "s", leaseIds: [null] },
  { sessionId: "s", leaseId: "l", items: [{ kind: "event", step: -1 }] },
  { sessionId: "s", leaseId: "l", items: [{ kind: "step", step: 1, phase: "finished", record: { kind: "model" } }] },
  { sessionId: "s", leaseId: "l", items: [], outcome: { phase: "won" } },
  { sessionId: "s", leaseId: "l", decision: { kind: "wait" } },
  { sessionId: "s", leaseId: "l", decision: { kind: "run", runs: [{ run: 0, node: "a", iteration: 1, state: {} }] } },
  { sessionId: "s", leaseId: "l", decision: { kind: "finish", output: [] } },
  { runnerId: null, queue: "other", version: "1", pid: 1, concurrency: 1, workspace: null },
  { kind: "agent", name: 5 },
  { ...runRequest("hello"), kind: "workflow", input: { count: 3 } },
  { ...runRequest("hello"), environment: { "NOT A NAME": "x" } },
  { ...runRequest("hello"), timeoutMs: -1 },
  { dryRun: "no", documents: [] },
  { dryRun: false, documents: [{ kind: "Agent", name: "", definition: {}, file: "f" }] },
];

test("no body, however wrong, is a fault of the server: every one is refused as a request that is not understood", async () => {
  await using api = await startEngineApi();
  const paths = ["sessions", "poll", "heartbeat", "deliver", "complete", "advance", "bye"].map(
    (name) => `/v1/runner/${name}`,
  );
  for (const path of [...paths, "/v1/executions", "/v1/apply"]) {
    for (const body of WRONG_BODIES) {
      const { status, answer } = await call(api, "POST", path, body);
      // Some of these are right for one path: they name a session that is not there, which to leave is no mistake.
      const refused = path.endsWith("/bye") ? [200, 400] : [400, 404];
      expect([refused.includes(status), path, body]).toEqual([true, path, body]);
      if (status !== 200) expect(answer).toMatchObject({ error: { code: expect.any(String) } });
    }
  }
  expect(api.faults).toEqual([]);
});

test.for([
  "/v1/executions?limit=0",
  "/v1/executions?limit=x",
  "/v1/executions?cursor=x",
  "/v1/executions?phase=done",
  "/v1/executions/x/events?after=-1",
  "/v1/executions/x/events?follow=maybe",
])("the query of %s is refused", async (path) => {
  await using api = await startEngineApi();
  expect(await call(api, "GET", path)).toMatchObject({ status: 400, answer: { error: { code: "USAGE" } } });
});

test("a runner works over HTTP from hello to the end", async () => {
  await using api = await startEngineApi();
  applyAgent(api.rig, "hello");
  const post = async <T>(name: string, body: unknown): Promise<T> =>
    api.client.request("POST", `/v1/runner/${name}`, body);
  const { sessionId } = await post<HelloResponse>("sessions", hello());
  const poll = post<PollResponse>("poll", { sessionId, capacity: 1 });
  const { executionId } = await api.client.request<{ executionId: string }>(
    "POST",
    "/v1/executions",
    runRequest("hello"),
  );
  const leaseId = (await poll).tasks[0]?.leaseId ?? "";
  expect(await post<HeartbeatResponse>("heartbeat", { sessionId, leaseIds: [leaseId, "x"] })).toEqual({
    cancel: [],
    lost: ["x"],
  });
  await post("deliver", { sessionId, leaseId, items: [event(0, 0, "execution.started")] });
  const outcome = { phase: "succeeded", output: { any: ["value"] }, tokens: { input: 1, output: 1 } };
  await post("complete", { sessionId, leaseId, items: [], outcome });
  await post("bye", { sessionId });
  expect(await api.client.request("GET", `/v1/executions/${executionId}`)).toMatchObject({
    execution: { phase: "succeeded", output: { any: ["value"] } },
  });
});

test("a field may have any name, also one that every object has", async () => {
  await using api = await startEngineApi();
  const names = ["constructor", "prototype", "toString"];
  const fields = Object.fromEntries(names.map((name) => [name, STRING_FIELD]));
  applyWorkflow(api.rig, "odd", { nodes: { a: {} }, fields });
  const { sessionId } = await api.client.request<HelloResponse>(
    "POST",
    "/v1/runner/sessions",
    hello({ queue: QUEUES.workflow }),
  );
  const input = Object.fromEntries(names.map((name) => [name, "x"]));
  const { executionId } = await api.client.request<{ executionId: string }>(
    "POST",
    "/v1/executions",
    runRequest("odd", { kind: "workflow", input }),
  );
  const poll = await api.client.request<PollResponse>("POST", "/v1/runner/poll", { sessionId, capacity: 1 });
  expect(poll.tasks).toMatchObject([{ input }]);
  const decision = { kind: "finish", output: input };
  await api.client.request("POST", "/v1/runner/advance", { sessionId, leaseId: poll.tasks[0]?.leaseId, decision });
  expect((await api.rig.engine.get(executionId)).output).toEqual(input);
});

test("an unknown session is 404 and a lost lease 409, in the protocol's own words", async () => {
  await using api = await startEngineApi();
  const { sessionId } = await api.client.request<HelloResponse>("POST", "/v1/runner/sessions", hello());
  expect(await call(api, "POST", "/v1/runner/poll", { sessionId: "x", capacity: 1 })).toMatchObject({
    status: 404,
    answer: { error: { code: "session_unknown" } },
  });
  expect(await call(api, "POST", "/v1/runner/deliver", { sessionId, leaseId: "x", items: [] })).toMatchObject({
    status: 409,
    answer: { error: { code: "lease_lost" } },
  });
});

test("a failure that may pass is a 5xx to a runner, which then asks again instead of giving its lease up", async () => {
  await using api = await startEngineApi();
  const { AppError } = await import("../../../src/errors.ts");
  const { runnerRoutes } = await import("../../../src/server/routes/runner.ts");
  const full = async (): Promise<never> => Promise.reject(new AppError("DISK_FULL", "full"));
  const routes = runnerRoutes({ runner: { ...api.rig.runner, deliver: full } });
  const deliver = routes.find(({ path }) => path.endsWith("/deliver"));
  const body = { sessionId: "s", leaseId: "l", items: [] };
  const { signal } = new AbortController();
  const answer = await deliver?.handle({
    method: "POST",
    path: "",
    params: {},
    query: new URLSearchParams(),
    body,
    signal,
    raw: null as never,
  });
  expect(answer).toMatchObject({ status: 503, body: { error: { code: "DISK_FULL" } } });
});

test("a poll whose connection breaks leases nothing", async () => {
  await using api = await startEngineApi();
  applyAgent(api.rig, "hello");
  const { sessionId } = await api.client.request<HelloResponse>("POST", "/v1/runner/sessions", hello());
  const hangingUp = request({ socketPath: api.socketFile, method: "POST", path: "/v1/runner/poll" });
  hangingUp.on("error", () => {}); // Its own end.
  hangingUp.end(JSON.stringify({ sessionId, capacity: 1 }));
  await expect.poll(() => api.rig.registry.isPolling("runner-1")).toBe(true);
  const closed = new Promise((resolve) => hangingUp.once("close", resolve));
  hangingUp.destroy();
  await closed;
  const { executionId } = await api.client.request<{ executionId: string }>(
    "POST",
    "/v1/executions",
    runRequest("hello"),
  );
  const { tasks } = await api.client.request<PollResponse>("POST", "/v1/runner/poll", { sessionId, capacity: 1 });
  expect(tasks).toMatchObject([{ executionId }]);
});

test("apply writes all or nothing, and tells created, unchanged and updated", async () => {
  await using api = await startEngineApi();
  const document = (name: string, instructions: string) => ({
    kind: "Agent",
    name,
    file: `${name}.yaml`,
    definition: agentDefinition(name, { instructions }),
  });
  const apply = async (dryRun: boolean, ...documents: unknown[]): Promise<string[]> => {
    const report = await api.client.request<ApplyReport>("POST", "/v1/apply", { dryRun, documents });
    return report.results.map(({ name, action }) => `${name} ${action}`);
  };
  expect(await apply(true, document("a", "1"))).toEqual(["a created"]);
  expect(await apply(false, document("a", "1"), document("b", "1"))).toEqual(["a created", "b created"]);
  expect(await apply(false, document("a", "2"), document("b", "1"))).toEqual(["a updated", "b unchanged"]);
  const before = api.rig.store.definitions.find("Agent", "b");
  const { definition } = document("b", "1");
  const turned = Object.fromEntries(Object.entries(definition).toReversed());
  expect(await apply(false, { ...document("b", "1"), definition: turned })).toEqual(["b unchanged"]);
  expect(api.rig.store.definitions.find("Agent", "b")).toEqual(before);
  const { status } = await call(api, "POST", "/v1/apply", {
    dryRun: false,
    documents: [document("c", "1"), { kind: "X" }],
  });
  expect(status).toBe(400);
  expect(await api.client.request("GET", "/v1/agents")).toMatchObject({ agents: [{ name: "a" }, { name: "b" }] });
});

test("agents are listed, shown and deleted, and an unknown one is told with the nearest", async () => {
  await using api = await startEngineApi();
  applyAgent(api.rig, "pr-reviewer");
  expect(await api.client.request("GET", "/v1/agents/pr-reviewer")).toEqual({ agent: agentDefinition("pr-reviewer") });
  for (const method of ["GET", "DELETE"]) {
    const { status, answer } = await call(api, method, "/v1/agents/pr-reviwer");
    expect([status, JSON.stringify(answer)]).toEqual([404, expect.stringContaining("did you mean pr-reviewer?")]);
  }
  expect(await api.client.request("DELETE", "/v1/agents/pr-reviewer")).toEqual({ name: "pr-reviewer" });
  expect(await api.client.request("GET", "/v1/agents")).toEqual({ agents: [] });
});

test("a reader who goes away in the middle leaves nothing behind, and another can go on from there", async () => {
  await using api = await startEngineApi();
  applyAgent(api.rig, "hello");
  await using worker = startScriptedWorker(api.rig.runner, answerWith("one two three"));
  const { executionId } = await api.client.request<{ executionId: string }>(
    "POST",
    "/v1/executions",
    runRequest("hello"),
  );
  const path = `/v1/executions/${executionId}/events?follow=true`;
  const seen: ExecutionEvent[] = [];
  for await (const record of api.client.stream("GET", path)) {
    seen.push(record as ExecutionEvent);
    if (seen.length === 3) break;
  }
  for await (const record of api.client.stream("GET", `${path}&after=3`)) seen.push(record as ExecutionEvent);
  expect(seen.map(({ seq, type }) => `${seq} ${type}`)).toEqual(await readAll(api.rig, executionId));
  expect(worker.taken).toEqual([executionId]);
});

test("a follower of a long log is given it in full, though it reads slowly", async () => {
  await using api = await startEngineApi();
  applyAgent(api.rig, "hello");
  const text = "x".repeat(2_000);
  await using _worker = startScriptedWorker(api.rig.runner, async (_task, { deliver }) => {
    for (let batch = 0; batch < 10; batch += 1) {
      await deliver(
        ...Array.from({ length: 100 }, (_, index) => event(1, batch * 100 + index, "message.delta", { text })),
      );
    }
    return { phase: "succeeded", output: null, tokens: { input: 0, output: 0 } };
  });
  const { executionId } = await api.client.request<{ executionId: string }>(
    "POST",
    "/v1/executions",
    runRequest("hello"),
  );
  const numbers: number[] = [];
  for await (const record of api.client.stream("GET", `/v1/executions/${executionId}/events?follow=true`)) {
    numbers.push((record as ExecutionEvent).seq);
    await new Promise(setImmediate);
  }
  expect(numbers).toEqual(Array.from({ length: 1_003 }, (_, index) => index + 1));
});

async function call(
  api: EngineApi,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; answer: unknown }> {
  const sent = request({ socketPath: api.socketFile, method, path, agent: false });
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = await once(sent, "response");
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode, answer: JSON.parse(Buffer.concat(chunks).toString()) };
}
