import { LEASE_MS, POLL_MS } from "@stigmer/agent-runner/protocol";
import { expect, test } from "vitest";
import { STOP_GRACE_MS } from "../../../src/engine/embedded/live-executions.ts";
import { MAX_DEATHS } from "../../../src/engine/embedded/scheduler.ts";
import { SESSION_MS } from "../../../src/engine/embedded/sessions.ts";
import { AppError } from "../../../src/errors.ts";
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

const never = new AbortController().signal;
const TOKENS = { input: 0, output: 0 };
const HOUR_MS = 3_600_000;

test("a poll that waits is answered as soon as an execution is queued", async () => {
  await using rig = await createEngineRig({ clock: new ManualClock() });
  applyAgent(rig, "hello");
  const { sessionId } = rig.runner.hello(hello());
  const poll = rig.runner.poll({ sessionId, capacity: 4 }, never);
  const executionId = await rig.engine.run(runRequest("hello"));
  const { tasks } = await poll;
  expect(tasks).toMatchObject([{ executionId, attempt: 1, steps: [], remainingMs: 600_000 }]);
});

test("a poll that finds nothing is answered empty after its time", async () => {
  const clock = new ManualClock();
  await using rig = await createEngineRig({ clock });
  const { sessionId } = rig.runner.hello(hello());
  const poll = rig.runner.poll({ sessionId, capacity: 4 }, never);
  clock.advance(POLL_MS);
  expect(await poll).toEqual({ tasks: [] });
});

test("a poll whose client went away leases nothing", async () => {
  await using rig = await createEngineRig({ clock: new ManualClock() });
  applyAgent(rig, "hello");
  const { sessionId } = rig.runner.hello(hello());
  const gone = new AbortController();
  const poll = rig.runner.poll({ sessionId, capacity: 1 }, gone.signal);
  gone.abort(new Error("hung up"));
  await expect(poll).rejects.toThrow("hung up");
  const executionId = await rig.engine.run(runRequest("hello"));
  expect(await rig.engine.get(executionId)).toMatchObject({ phase: "queued" });
  expect(await pollOne(rig, sessionId)).toMatchObject({ executionId, attempt: 1 });
});

test("a client that goes away while its task is being put together gives the task back, and that is no death", async () => {
  const reads: ((secrets: { [name: string]: string }) => void)[] = [];
  const readSecrets = (): Promise<{ [name: string]: string }> => new Promise((resolve) => reads.push(resolve));
  await using rig = await createEngineRig({ clock: new ManualClock(), readSecrets });
  applyAgent(rig, "hello");
  const queued = rig.engine.run(runRequest("hello"));
  reads.pop()?.({});
  await queued;
  const { sessionId } = rig.runner.hello(hello());
  for (let turn = 0; turn < MAX_DEATHS + 1; turn += 1) {
    const gone = new AbortController();
    const poll = rig.runner.poll({ sessionId, capacity: 1 }, gone.signal);
    await expect.poll(() => reads.length).toBe(1);
    gone.abort(new Error("hung up"));
    reads.pop()?.({});
    await expect(poll).rejects.toThrow("hung up");
  }
  const poll = rig.runner.poll({ sessionId, capacity: 1 }, never);
  await expect.poll(() => reads.length).toBe(1);
  reads.pop()?.({});
  expect((await poll).tasks).toMatchObject([{ attempt: MAX_DEATHS + 2 }]);
});

test("an execution that a runner had worked on is over its time, also when no runner has it just then", async () => {
  const clock = new ManualClock();
  await using rig = await createEngineRig({ clock });
  applyAgent(rig, "hello");
  const executionId = await rig.engine.run(runRequest("hello"));
  const { sessionId, task } = await leaseOne(rig);
  const items = [event(0, 0, "execution.started")];
  await rig.runner.deliver({ sessionId, leaseId: task.leaseId, items });
  rig.runner.bye(sessionId);
  clock.advance(HOUR_MS);
  expect(await rig.engine.get(executionId)).toMatchObject({
    phase: "timed_out",
    error: { message: expect.stringMatching(/^The execution was over its time limit/) },
  });
});

test("a session holds no more tasks than its concurrency, whatever its polls say", async () => {
  await using rig = await createEngineRig({ clock: new ManualClock() });
  applyAgent(rig, "hello");
  for (let count = 0; count < 5; count += 1) await rig.engine.run(runRequest("hello"));
  const { sessionId } = rig.runner.hello(hello({ concurrency: 2 }));
  expect((await rig.runner.poll({ sessionId, capacity: 5 }, never)).tasks).toHaveLength(2);
  const gone = new AbortController();
  const third = rig.runner.poll({ sessionId, capacity: 5 }, gone.signal);
  gone.abort(new Error("enough"));
  await expect(third).rejects.toThrow("enough");
  expect(rig.engine.depth()).toEqual({ queued: 3, running: 2 });
});

test("executions are leased in the order in which they were queued", async () => {
  await using rig = await createEngineRig({ clock: new ManualClock() });
  applyAgent(rig, "hello");
  const ids = [];
  for (let count = 0; count < 3; count += 1) ids.push(await rig.engine.run(runRequest("hello")));
  const { sessionId } = rig.runner.hello(hello());
  const { tasks } = await rig.runner.poll({ sessionId, capacity: 3 }, never);
  expect(tasks.map(({ executionId }) => executionId)).toEqual(ids);
});

test("a lease that nobody keeps alive expires, and the execution goes on elsewhere from its recorded steps", async () => {
  const clock = new ManualClock();
  await using rig = await createEngineRig({ clock });
  applyAgent(rig, "hello");
  await rig.engine.run(runRequest("hello"));
  const first = await leaseOne(rig);
  await rig.runner.deliver({ ...lease(first), items: [modelStep(1, "one")] });
  clock.advance(LEASE_MS);
  const second = await leaseOne(rig, { runnerId: "runner-2" });
  expect(second.task).toMatchObject({ attempt: 2, steps: [{ step: 1, phase: "finished" }] });
});

test("heartbeats keep a lease for as long as they come", async () => {
  const clock = new ManualClock();
  await using rig = await createEngineRig({ clock });
  applyAgent(rig, "hello");
  await rig.engine.run(runRequest("hello"));
  const { sessionId, task } = await leaseOne(rig);
  for (let beat = 0; beat < 5; beat += 1) {
    clock.advance(LEASE_MS - 1);
    expect(rig.runner.heartbeat({ sessionId, leaseIds: [task.leaseId] })).toEqual({ cancel: [], lost: [] });
  }
});

test("an hour forward or back on the wall clock loses no lease and ends no execution", async () => {
  const clock = new ManualClock();
  await using rig = await createEngineRig({ clock });
  applyAgent(rig, "hello");
  await rig.engine.run(runRequest("hello"));
  const { sessionId, task } = await leaseOne(rig);
  for (const jumpMs of [HOUR_MS, -2 * HOUR_MS]) {
    clock.jumpWallClock(jumpMs);
    clock.advance(LEASE_MS - 1);
    expect(rig.runner.heartbeat({ sessionId, leaseIds: [task.leaseId] })).toEqual({ cancel: [], lost: [] });
  }
  await rig.runner.complete({ ...lease({ sessionId, task }), items: [], outcome: succeeded("done") });
  expect(await rig.engine.get(task.executionId)).toMatchObject({ phase: "succeeded" });
});

test("a runner that works under a lease it lost is told so, and its late end is refused", async () => {
  const clock = new ManualClock();
  await using rig = await createEngineRig({ clock });
  applyAgent(rig, "hello");
  const executionId = await rig.engine.run(runRequest("hello"));
  const first = await leaseOne(rig);
  clock.advance(LEASE_MS);
  const second = await leaseOne(rig, { runnerId: "runner-2" });
  expect(rig.runner.heartbeat({ sessionId: first.sessionId, leaseIds: [first.task.leaseId] })).toEqual({
    cancel: [],
    lost: [first.task.leaseId],
  });
  const late = { ...lease(first), items: [event(1, 0, "message.delta", { text: "late" })] };
  await expect(rig.runner.deliver(late)).rejects.toMatchObject({ status: 409, code: "lease_lost" });
  await expect(rig.runner.complete({ ...late, outcome: succeeded("late") })).rejects.toMatchObject({ status: 409 });
  await rig.runner.complete({ ...lease(second), items: [], outcome: succeeded("in time") });
  await expect(rig.runner.complete({ ...lease(second), items: [], outcome: succeeded("again") })).rejects.toMatchObject(
    { code: "lease_lost" },
  );
  expect(await rig.engine.get(executionId)).toMatchObject({ output: "in time" });
  expect(await readAll(rig, executionId)).toEqual(["1 execution.queued", "2 execution.succeeded"]);
});

test("a lease is its own session's only", async () => {
  await using rig = await createEngineRig({ clock: new ManualClock() });
  applyAgent(rig, "hello");
  await rig.engine.run(runRequest("hello"));
  const { task } = await leaseOne(rig);
  const { sessionId } = rig.runner.hello(hello({ runnerId: "runner-2" }));
  const foreign = { sessionId, leaseId: task.leaseId, items: [] };
  expect(rig.runner.heartbeat({ sessionId, leaseIds: [task.leaseId] }).lost).toEqual([task.leaseId]);
  await expect(rig.runner.deliver(foreign)).rejects.toMatchObject({ code: "lease_lost" });
  await expect(rig.runner.complete({ ...foreign, outcome: succeeded("x") })).rejects.toMatchObject({ status: 409 });
});

test("what is delivered twice counts once, and a later lease tells its own anew", async () => {
  const clock = new ManualClock();
  await using rig = await createEngineRig({ clock });
  applyAgent(rig, "hello");
  const executionId = await rig.engine.run(runRequest("hello"));
  const first = await leaseOne(rig);
  const items = [event(0, 0, "execution.started"), event(1, 0, "message.delta", { text: "a" })];
  await rig.runner.deliver({ ...lease(first), items });
  await rig.runner.deliver({ ...lease(first), items: [...items, event(1, 1, "message.delta", { text: "b" })] });
  rig.registry.runnerDied("runner-1");
  const second = await leaseOne(rig, { runnerId: "runner-2" });
  await rig.runner.complete({ ...lease(second), items, outcome: succeeded("c") });
  expect(await readAll(rig, executionId)).toEqual([
    "1 execution.queued",
    "2 execution.started",
    "3 message.delta",
    "4 message.delta",
    "5 message.delta",
    "6 execution.succeeded",
  ]);
});

test("a lease that ended before it told that it started leaves that to the next", async () => {
  await using rig = await createEngineRig({ clock: new ManualClock() });
  applyAgent(rig, "hello");
  const executionId = await rig.engine.run(runRequest("hello"));
  await leaseOne(rig);
  rig.registry.runnerDied("runner-1");
  const second = await leaseOne(rig, { runnerId: "runner-2" });
  const items = [event(1, 0, "step.started"), event(1, 1, "message.delta", { text: "a" })];
  await rig.runner.complete({ ...lease(second), items, outcome: succeeded("a") });
  expect((await readAll(rig, executionId)).slice(0, 3)).toEqual([
    "1 execution.queued",
    "2 execution.started",
    "3 step.started",
  ]);
});

test("a finished step stays as it was recorded first", async () => {
  await using rig = await createEngineRig({ clock: new ManualClock() });
  applyAgent(rig, "hello");
  const executionId = await rig.engine.run(runRequest("hello"));
  const held = await leaseOne(rig);
  await rig.runner.deliver({ ...lease(held), items: [modelStep(1, "first"), modelStep(1, "second")] });
  expect((await rig.engine.get(executionId)).steps).toMatchObject([{ step: 1, text: "first" }]);
});

test("the leases of a runner that died are free at once", async () => {
  await using rig = await createEngineRig({ clock: new ManualClock() });
  applyAgent(rig, "hello");
  const executionId = await rig.engine.run(runRequest("hello"));
  await leaseOne(rig);
  const { sessionId } = rig.runner.hello(hello({ runnerId: "runner-2" }));
  const poll = rig.runner.poll({ sessionId, capacity: 1 }, never);
  rig.registry.runnerDied("runner-1");
  expect((await poll).tasks).toMatchObject([{ executionId, attempt: 2 }]);
});

test("an execution whose runners keep dying fails and says so", async () => {
  await using rig = await createEngineRig({ clock: new ManualClock() });
  applyAgent(rig, "hello");
  const executionId = await rig.engine.run(runRequest("hello"));
  for (let death = 1; death <= MAX_DEATHS; death += 1) {
    expect(await rig.engine.get(executionId)).toMatchObject({ phase: death === 1 ? "queued" : "running" });
    await leaseOne(rig);
    rig.registry.runnerDied("runner-1");
  }
  const { phase, error } = await rig.engine.get(executionId);
  expect(phase).toBe("failed");
  expect(error?.message).toContain(`died ${MAX_DEATHS} times`);
});

test("a runner that says bye gives its tasks back, and that is no death", async () => {
  await using rig = await createEngineRig({ clock: new ManualClock() });
  applyAgent(rig, "hello");
  const executionId = await rig.engine.run(runRequest("hello"));
  for (let boot = 0; boot < MAX_DEATHS + 2; boot += 1) {
    const { sessionId } = await leaseOne(rig);
    rig.runner.bye(sessionId);
  }
  expect(await rig.engine.get(executionId)).toMatchObject({ phase: "running" });
});

test("the cancelled task of a runner that dies ends as cancelled instead of beginning again", async () => {
  await using rig = await createEngineRig({ clock: new ManualClock() });
  applyAgent(rig, "hello");
  const executionId = await rig.engine.run(runRequest("hello"));
  const { sessionId, task } = await leaseOne(rig);
  const cancelled = rig.engine.cancel(executionId);
  const { cancel } = rig.runner.heartbeat({ sessionId, leaseIds: [task.leaseId] });
  expect(cancel).toEqual([{ leaseId: task.leaseId, reason: "cancelled" }]);
  rig.registry.runnerDied("runner-1");
  expect(await cancelled).toBe("cancelled");
});

test("a runner asked to stop because the time is up reports it, or the server does after a grace", async () => {
  const clock = new ManualClock();
  await using rig = await createEngineRig({ clock, timeoutMs: 10_000 });
  applyAgent(rig, "hello");
  const [polite, deaf] = [await rig.engine.run(runRequest("hello")), await rig.engine.run(runRequest("hello"))];
  const first = await leaseOne(rig);
  const second = { sessionId: first.sessionId, task: await pollOne(rig, first.sessionId) };
  clock.advance(10_000);
  const leaseIds = [first.task.leaseId, second.task.leaseId];
  const { cancel } = rig.runner.heartbeat({ sessionId: first.sessionId, leaseIds });
  expect(cancel.map(({ reason }) => reason)).toEqual(["timed_out", "timed_out"]);
  await rig.runner.complete({ ...lease(first), items: [], outcome: { phase: "cancelled" } });
  expect(await rig.engine.get(polite)).toMatchObject({ phase: "timed_out" });
  clock.advance(STOP_GRACE_MS);
  expect(await rig.engine.get(deaf)).toMatchObject({ phase: "timed_out", error: { code: "EXECUTION_TIMED_OUT" } });
});

test("waiting behind others does not use up the time limit; waiting for nobody does", async () => {
  const clock = new ManualClock();
  await using rig = await createEngineRig({ clock, timeoutMs: 10_000 });
  applyAgent(rig, "hello");
  const { sessionId } = rig.runner.hello(hello({ concurrency: 1 }));
  const executionId = await rig.engine.run(runRequest("hello"));
  clock.advance(9_000);
  expect(await rig.engine.get(executionId)).toMatchObject({ phase: "queued" });
  rig.runner.bye(sessionId);
  clock.advance(9_999);
  expect(await rig.engine.get(executionId)).toMatchObject({ phase: "queued" });
  clock.advance(1);
  expect(await rig.engine.get(executionId)).toMatchObject({ phase: "timed_out" });
});

test("a session that is not heard of expires and its task goes on elsewhere; a held poll is a sign of life", async () => {
  const clock = new ManualClock();
  await using rig = await createEngineRig({ clock });
  const told: [string, boolean][] = [];
  rig.registry.onPolling((runnerId, polling) => told.push([runnerId, polling]));
  const { sessionId } = rig.runner.hello(hello());
  for (let turn = 0; turn < 4; turn += 1) {
    const poll = rig.runner.poll({ sessionId, capacity: 1 }, never);
    clock.advance(POLL_MS);
    await poll;
  }
  expect(told).toEqual([["runner-1", true]]);
  clock.advance(SESSION_MS);
  expect(told).toEqual([
    ["runner-1", true],
    ["runner-1", false],
  ]);
  await expect(rig.runner.poll({ sessionId, capacity: 1 }, never)).rejects.toMatchObject({ code: "session_unknown" });
});

test("what polls is told at the first poll, and its end at its death", async () => {
  await using rig = await createEngineRig({ clock: new ManualClock() });
  const told: [string, boolean, string][] = [];
  const unsubscribe = rig.registry.onPolling((id, polling, { queue }) => told.push([id, polling, queue]));
  const { sessionId } = rig.runner.hello(hello({ runnerId: "r" }));
  expect([rig.registry.isPolling("r"), told.length]).toEqual([false, 0]);
  const poll = rig.runner.poll({ sessionId, capacity: 1 }, never);
  expect([rig.registry.isPolling("r"), told]).toEqual([true, [["r", true, "agent_execution_runner"]]]);
  rig.registry.runnerDied("r");
  expect(await poll).toEqual({ tasks: [] });
  expect([rig.registry.isPolling("r"), told.length]).toEqual([false, 2]);
  unsubscribe();
  rig.runner.hello(hello({ runnerId: "r" }));
  expect(told).toHaveLength(2);
});

test("a runner that says hello again is in its new session only", async () => {
  await using rig = await createEngineRig({ clock: new ManualClock() });
  applyAgent(rig, "hello");
  const executionId = await rig.engine.run(runRequest("hello"));
  const first = await leaseOne(rig);
  const second = await leaseOne(rig);
  expect(second.task).toMatchObject({ executionId, attempt: 2 });
  await expect(rig.runner.deliver({ ...lease(first), items: [] })).rejects.toMatchObject({ code: "session_unknown" });
});

test("a task that cannot be put together fails its execution instead of coming back for ever", async () => {
  const answers = [async () => ({}), async () => Promise.reject(new AppError("CONFIG_INVALID", "secrets.env, line 3"))];
  const readSecrets = async (): Promise<{ [name: string]: string }> => (await answers.shift()?.()) ?? {};
  await using rig = await createEngineRig({ clock: new ManualClock(), readSecrets });
  applyAgent(rig, "hello");
  const executionId = await rig.engine.run(runRequest("hello"));
  const { sessionId } = rig.runner.hello(hello());
  expect(await rig.runner.poll({ sessionId, capacity: 1 }, never)).toEqual({ tasks: [] });
  const error = { code: "CONFIG_INVALID", message: "secrets.env, line 3" };
  expect(await rig.engine.get(executionId)).toMatchObject({ phase: "failed", error });
});

function lease({ sessionId, task }: { sessionId: string; task: { leaseId: string } }): {
  sessionId: string;
  leaseId: string;
} {
  return { sessionId, leaseId: task.leaseId };
}

function succeeded(output: string) {
  return { phase: "succeeded" as const, output, tokens: TOKENS };
}
