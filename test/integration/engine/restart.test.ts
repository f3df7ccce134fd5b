import { readFile } from "node:fs/promises";
import { LEASE_MS } from "@stigmer/agent-runner/protocol";
import { expect, test } from "vitest";
import { STOP_GRACE_MS } from "../../../src/engine/embedded/live-executions.ts";
import {
  applyAgent,
  createEngineRig,
  hello,
  leaseOne,
  pollOne,
  readAll,
  runRequest,
} from "../../support/engine-rig.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { event, modelStep } from "../../support/scripted-worker.ts";

const TOKENS = { input: 0, output: 0 };

test("a runner works on under its lease when the server comes back, and nothing is lost or told twice", async () => {
  const before = await createEngineRig({ clock: new ManualClock() });
  applyAgent(before, "hello");
  const executionId = await before.engine.run(runRequest("hello"));
  const { sessionId, task } = await leaseOne(before);
  const lease = { sessionId, leaseId: task.leaseId };
  const items = [event(0, 0, "execution.started"), event(1, 0, "message.delta", { text: "a" })];
  await before.runner.deliver({ ...lease, items });

  await using after = await before.restart({ clock: new ManualClock() });
  await after.runner.deliver({ ...lease, items });
  await after.runner.complete({ ...lease, items: [modelStep(1, "a")], outcome: outcome("a") });
  expect(await readAll(after, executionId)).toEqual([
    "1 execution.queued",
    "2 execution.started",
    "3 message.delta",
    "4 execution.succeeded",
  ]);
});

test("while the server ends, a runner is told to ask again, and never that its session or lease is gone", async () => {
  await using rig = await createEngineRig({ clock: new ManualClock() });
  applyAgent(rig, "hello");
  await rig.engine.run(runRequest("hello"));
  const { sessionId, task } = await leaseOne(rig);
  const held = rig.runner.poll({ sessionId, capacity: 1 }, new AbortController().signal);
  rig.close();
  expect(await held).toEqual({ tasks: [] });
  const lease = { sessionId, leaseId: task.leaseId, items: [] };
  const ending = expect.objectContaining({ code: "NOT_RUNNING" });
  expect(() => rig.runner.hello(hello())).toThrow(ending);
  expect(() => rig.runner.heartbeat({ sessionId, leaseIds: [task.leaseId] })).toThrow(ending);
  await expect(rig.runner.poll({ sessionId, capacity: 1 }, new AbortController().signal)).rejects.toThrow(ending);
  await expect(rig.runner.deliver(lease)).rejects.toThrow(ending);
  await expect(rig.runner.complete({ ...lease, outcome: outcome("x") })).rejects.toThrow(ending);
});

test("leases begin their time anew with the server, and run out when their runner is not heard of", async () => {
  const before = await createEngineRig({ clock: new ManualClock() });
  applyAgent(before, "hello");
  const executionId = await before.engine.run(runRequest("hello"));
  await leaseOne(before);

  const clock = new ManualClock();
  await using after = await before.restart({ clock });
  const { sessionId } = after.runner.hello(hello({ runnerId: "runner-2" }));
  clock.advance(LEASE_MS - 1);
  expect(await leasedNow(after, sessionId)).toEqual([]);
  clock.advance(1);
  expect(await pollOne(after, sessionId)).toMatchObject({ executionId, attempt: 2 });
});

test("the leases of a runner that died with the server are free as soon as the supervisor says so", async () => {
  const before = await createEngineRig({ clock: new ManualClock() });
  applyAgent(before, "hello");
  const executionId = await before.engine.run(runRequest("hello"));
  await leaseOne(before);
  await using after = await before.restart({ clock: new ManualClock() });
  after.registry.runnerDied("runner-1");
  expect((await leaseOne(after, { runnerId: "runner-2" })).task).toMatchObject({ executionId, attempt: 2 });
});

test("a runner polls again after a restart, and only then it is said to poll", async () => {
  const before = await createEngineRig({ clock: new ManualClock() });
  const { sessionId } = before.runner.hello(hello());
  await using after = await before.restart({ clock: new ManualClock() });
  const told: [string, boolean][] = [];
  after.registry.onPolling((runnerId, polling) => told.push([runnerId, polling]));
  expect(after.registry.isPolling("runner-1")).toBe(false);
  const gone = new AbortController();
  const poll = after.runner.poll({ sessionId, capacity: 1 }, gone.signal);
  expect([after.registry.isPolling("runner-1"), told]).toEqual([true, [["runner-1", true]]]);
  gone.abort(new Error("enough"));
  await expect(poll).rejects.toThrow("enough");
});

test("queued executions keep their order over a restart, and what came back goes before what is younger", async () => {
  const before = await createEngineRig({ clock: new ManualClock() });
  applyAgent(before, "hello");
  const ids: string[] = [];
  for (let count = 0; count < 3; count += 1) ids.push(await before.engine.run(runRequest("hello")));
  await leaseOne(before);
  await using after = await before.restart({ clock: new ManualClock() });
  after.registry.runnerDied("runner-1");
  const { sessionId } = after.runner.hello(hello({ runnerId: "runner-2" }));
  const { tasks } = await after.runner.poll({ sessionId, capacity: 4 }, new AbortController().signal);
  expect(tasks.map(({ executionId }) => executionId)).toEqual(ids);
});

test("the time while the server was away does not count against an execution, the time before does", async () => {
  const first = new ManualClock();
  const before = await createEngineRig({ clock: first, timeoutMs: 60_000 });
  applyAgent(before, "hello");
  const executionId = await before.engine.run(runRequest("hello"));
  const { sessionId, task } = await leaseOne(before);
  first.advance(20_000);
  before.runner.heartbeat({ sessionId, leaseIds: [task.leaseId] });

  const second = new ManualClock(first.nowMs() + 3_600_000);
  await using after = await before.restart({ clock: second });
  for (const ms of [20_000, 19_999]) {
    second.advance(ms);
    expect(after.runner.heartbeat({ sessionId, leaseIds: [task.leaseId] }).cancel).toEqual([]);
  }
  second.advance(1);
  expect(after.runner.heartbeat({ sessionId, leaseIds: [task.leaseId] }).cancel).toHaveLength(1);
  second.advance(STOP_GRACE_MS);
  expect(await after.engine.get(executionId)).toMatchObject({ phase: "timed_out" });
});

test("a cancel that was asked for before a crash is carried out after it", async () => {
  const before = await createEngineRig({ clock: new ManualClock() });
  applyAgent(before, "hello");
  const executionId = await before.engine.run(runRequest("hello"));
  const { sessionId, task } = await leaseOne(before);
  const asked = new ManualClock();
  void before.engine.cancel(executionId).catch(() => {}); // Its server goes away before the answer.
  await expect.poll(() => before.runner.heartbeat({ sessionId, leaseIds: [task.leaseId] }).cancel.length).toBe(1);

  await using after = await before.restart({ clock: asked });
  expect(after.runner.heartbeat({ sessionId, leaseIds: [task.leaseId] }).cancel).toHaveLength(1);
  asked.advance(STOP_GRACE_MS);
  expect(await after.engine.get(executionId)).toMatchObject({ phase: "cancelled" });
});

test("a conversation is kept over a restart, and a resumed execution sees the one it began with", async () => {
  const before = await createEngineRig({ clock: new ManualClock() });
  applyAgent(before, "hello");
  await before.engine.run(runRequest("hello", { message: "one", sessionId: "s" }));
  await before.engine.run(runRequest("hello", { message: "two", sessionId: "s" }));
  const one = await leaseOne(before);
  const two = { sessionId: one.sessionId, task: await pollOne(before, one.sessionId) };
  expect(two.task.conversation).toEqual([]);
  const lease = { sessionId: one.sessionId, leaseId: one.task.leaseId };
  await before.runner.complete({ ...lease, items: [], outcome: outcome("first") });

  await using after = await before.restart({ clock: new ManualClock() });
  after.registry.runnerDied("runner-1");
  const again = await leaseOne(after, { runnerId: "runner-2" });
  expect(again.task).toMatchObject({ message: "two", attempt: 2, conversation: [] });
  await after.runner.complete({
    sessionId: again.sessionId,
    leaseId: again.task.leaseId,
    items: [],
    outcome: outcome("second"),
  });
  await after.engine.run(runRequest("hello", { message: "three", sessionId: "s" }));
  expect((await pollOne(after, again.sessionId)).conversation).toEqual([
    { role: "user", text: "one" },
    { role: "assistant", text: "first" },
    { role: "user", text: "two" },
    { role: "assistant", text: "second" },
  ]);
});

test("the environment of an execution survives a restart and is gone from the files after its end", async () => {
  const before = await createEngineRig({ clock: new ManualClock() });
  applyAgent(before, "hello", { env: [{ name: "TOKEN", secret: true, required: true }] });
  const environment = { TOKEN: "very-secret-value" };
  await before.engine.run(runRequest("hello", { environment }));
  await using after = await before.restart({ clock: new ManualClock() });
  const { sessionId, task } = await leaseOne(after);
  expect(task).toMatchObject({ environment, secrets: ["very-secret-value"] });
  await after.runner.complete({ sessionId, leaseId: task.leaseId, items: [], outcome: outcome("x") });
  for (const suffix of ["", "-wal"]) {
    expect((await readFile(after.databaseFile + suffix)).includes("very-secret-value")).toBe(false);
  }
});

async function leasedNow(rig: Parameters<typeof pollOne>[0], sessionId: string): Promise<unknown[]> {
  const gone = new AbortController();
  const poll = rig.runner.poll({ sessionId, capacity: 1 }, gone.signal);
  gone.abort(new Error("looked"));
  return poll.then(
    ({ tasks }) => tasks,
    () => [],
  );
}

function outcome(output: string) {
  return { phase: "succeeded" as const, output, tokens: TOKENS };
}
