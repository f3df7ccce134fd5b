import { QUEUES } from "@stigmer/agent-runner/protocol";
import { expect, test } from "vitest";
import { openLibsql } from "../../../src/store/libsql-driver.ts";
import {
  applyAgent,
  applyWorkflow,
  createEngineRig,
  type EngineRig,
  hello,
  leaseOne,
  ofKind,
  pollAny,
  pollOne,
  readAll,
  runRequest,
} from "../../support/engine-rig.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { event, modelStep } from "../../support/scripted-worker.ts";

const TOKENS = { input: 0, output: 0 };
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Runs the agent to its end, with as many words as asked for. */
async function runToEnd(rig: EngineRig, { words = 1, sessionId = null as string | null } = {}): Promise<string> {
  const executionId = await rig.engine.run(runRequest("hello", { sessionId, message: "Hi" }));
  const { sessionId: session, task } = await leaseOne(rig);
  const lease = { sessionId: session, leaseId: task.leaseId };
  await rig.runner.deliver({
    ...lease,
    items: [
      event(0, 0, "execution.started", { provider: "scripted", model: null }),
      ...Array.from({ length: words }, (_, at) => event(1, at + 1, "message.delta", { text: "word " })),
      modelStep(1, "Hello"),
    ],
  });
  await rig.runner.complete({ ...lease, items: [], outcome: { phase: "succeeded", output: "Hello", tokens: TOKENS } });
  return executionId;
}

async function countRows(rig: EngineRig): Promise<{ [table: string]: unknown }> {
  const driver = await openLibsql(rig.databaseFile, "inspect");
  const tables = ["executions", "events", "steps", "node_runs", "tasks", "conversations"];
  const counts = tables.map((table) => [table, driver.get(`SELECT COUNT(*) AS count FROM ${table}`)?.["count"]]);
  driver.close();
  return Object.fromEntries(counts);
}

test("an execution that ended longer ago is deleted with all that belongs to it, within an hour; a younger one stays", async () => {
  const clock = new ManualClock();
  await using rig = await createEngineRig({ clock, retentionMs: DAY_MS });
  applyAgent(rig, "hello");
  const old = await runToEnd(rig);
  clock.advance(DAY_MS / 2);
  const young = await runToEnd(rig);
  clock.advance(DAY_MS / 2 + HOUR_MS);
  await expect(rig.engine.get(old)).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(readAll(rig, old)).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(rig.engine.cancel(old)).rejects.toMatchObject({ code: "NOT_FOUND" });
  const { executions } = await rig.engine.list({ limit: 10, cursor: null, phase: null });
  expect(executions.map(({ id }) => id)).toEqual([young]);
  expect(await readAll(rig, young)).toHaveLength(4);
  expect(await countRows(rig)).toMatchObject({ executions: 1, events: 4, steps: 1 });
});

test("without a retention nothing is deleted, and no timer waits for it", async () => {
  const clock = new ManualClock();
  await using rig = await createEngineRig({ clock });
  expect(clock.pending).toBe(0);
  applyAgent(rig, "hello");
  const id = await runToEnd(rig);
  clock.advance(1_000 * DAY_MS);
  expect(await rig.engine.get(id)).toMatchObject({ phase: "succeeded" });
});

test("an execution that has not ended is never deleted, however old it is", async () => {
  const clock = new ManualClock();
  await using rig = await createEngineRig({ clock, retentionMs: HOUR_MS, timeoutMs: 100 * DAY_MS });
  applyAgent(rig, "hello");
  const waiting = await rig.engine.run(runRequest("hello"));
  clock.advance(50 * DAY_MS);
  expect(await rig.engine.get(waiting)).toMatchObject({ phase: "queued" });
});

test("the node runs of a workflow go with it", async () => {
  const clock = new ManualClock();
  await using rig = await createEngineRig({ clock, retentionMs: DAY_MS });
  applyWorkflow(rig, "flow", { nodes: { one: {} } });
  await rig.engine.run(runRequest("flow", { kind: "workflow" }));
  const { sessionId } = rig.runner.hello(hello({ queue: QUEUES.workflow, runnerId: "workflows" }));
  const turn = ofKind(await pollAny(rig, sessionId), "workflow");
  const runs = [{ run: 1, node: "one", iteration: 1, state: {} }];
  await rig.runner.advance({ sessionId, leaseId: turn.leaseId, decision: { kind: "run", runs } });
  expect(await countRows(rig)).toMatchObject({ executions: 1, node_runs: 1 });
  clock.advance(2 * DAY_MS);
  expect(await countRows(rig)).toMatchObject({ executions: 0, node_runs: 0, tasks: 0, events: 0 });
});

test("a conversation keeps what was said in executions that are deleted", async () => {
  const clock = new ManualClock();
  await using rig = await createEngineRig({ clock, retentionMs: DAY_MS });
  applyAgent(rig, "hello");
  await runToEnd(rig, { sessionId: "talk" });
  clock.advance(2 * DAY_MS);
  expect(await countRows(rig)).toMatchObject({ executions: 0, conversations: 2 });
  await rig.engine.run(runRequest("hello", { sessionId: "talk" }));
  const { sessionId } = rig.runner.hello(hello());
  expect((await pollOne(rig, sessionId)).conversation).toEqual([
    { role: "user", text: "Hi" },
    { role: "assistant", text: "Hello" },
  ]);
});

test("a long execution is out of sight at once and deleted in small batches; a server that is killed half-way goes on at its next start", async () => {
  const clock = new ManualClock();
  await using before = await createEngineRig({ clock });
  applyAgent(before, "hello");
  const id = await runToEnd(before, { words: 3_000 });
  const next = new ManualClock(clock.nowMs() + 2 * DAY_MS);
  await using rig = await before.restart({ clock: next, retentionMs: DAY_MS });
  expect(await rig.engine.get(id)).toMatchObject({ phase: "succeeded" });
  next.advance(0);
  await expect(rig.engine.get(id)).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect((await rig.engine.list({ limit: 10, cursor: null, phase: null })).executions).toEqual([]);
  const { events } = await countRows(rig);
  expect(events).toBeGreaterThan(2_000);
  expect(events).toBeLessThan(3_003);

  // Whatever is kept now: what was taken out of sight goes.
  const last = new ManualClock(clock.nowMs());
  await using again = await rig.restart({ clock: last, retentionMs: 365 * DAY_MS });
  last.advance(1_000);
  expect(await countRows(again)).toMatchObject({ executions: 0, events: 0, steps: 0 });
});
