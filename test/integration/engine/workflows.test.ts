import { type Decision, LEASE_MS, type NodeTask, QUEUES, type WorkflowTask } from "@stigmer/agent-runner/protocol";
import { expect, test } from "vitest";
import { STOP_GRACE_MS } from "../../../src/engine/embedded/live-executions.ts";
import { MAX_DEATHS } from "../../../src/engine/embedded/scheduler.ts";
import {
  applyWorkflow,
  createEngineRig,
  type EngineRig,
  hello,
  ofKind,
  pollAny,
  readAll,
  runRequest,
} from "../../support/engine-rig.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { event, modelStep } from "../../support/scripted-worker.ts";

const TOKENS = { input: 0, output: 0 };

test("a turn sees every end there was when it was taken; an end during a turn is followed by another turn", async () => {
  await using rig = await startWorkflow();
  const turn = await leaseTurn(rig);
  expect(turn.task.runs).toEqual([]);
  await advance(rig, turn, run("a", "b", "c"));
  const [a, b, c] = [await leaseNode(rig), await leaseNode(rig), await leaseNode(rig)];
  await succeed(rig, a);
  const second = await leaseTurn(rig);
  expect(second.task.runs.map(({ phase }) => phase)).toEqual(["succeeded", "open", "open"]);
  await succeed(rig, b);
  await succeed(rig, c);
  expect(await leasedNow(rig, second.sessionId)).toEqual([]);
  await advance(rig, second, run("a", "b", "c"));
  const third = await leaseTurn(rig);
  expect(third.task.runs.map(({ phase }) => phase)).toEqual(["succeeded", "succeeded", "succeeded"]);
  await advance(rig, third, { kind: "finish", output: { done: true } });
  expect(await rig.engine.get(turn.task.executionId)).toMatchObject({ phase: "succeeded", output: { done: true } });
});

test("two ends before a turn was taken are one turn", async () => {
  await using rig = await startWorkflow();
  await advance(rig, await leaseTurn(rig), run("a", "b"));
  const [a, b] = [await leaseNode(rig), await leaseNode(rig)];
  await succeed(rig, a);
  await succeed(rig, b);
  const turn = await leaseTurn(rig);
  expect(turn.task.runs.map(({ phase }) => phase)).toEqual(["succeeded", "succeeded"]);
  expect(await leasedNow(rig, turn.sessionId)).toEqual([]);
});

test("a turn that is lost with its runner is just taken again, and its late decision is refused", async () => {
  await using rig = await startWorkflow();
  const lost = await leaseTurn(rig, "turns-1");
  rig.registry.runnerDied("turns-1");
  const again = await leaseTurn(rig, "turns-2");
  expect(again.task).toMatchObject({ executionId: lost.task.executionId, attempt: 2 });
  await expect(advance(rig, { ...lost, sessionId: again.sessionId }, run("a"))).rejects.toMatchObject({
    code: "lease_lost",
  });
  await advance(rig, again, run("a"));
  await expect(advance(rig, again, run("a"))).rejects.toMatchObject({ code: "lease_lost" });
  expect(await readAll(rig, lost.task.executionId)).toEqual(["1 execution.queued", "2 execution.started"]);
});

test("a node run whose runner died goes on from its recorded steps, and began once", async () => {
  await using rig = await startWorkflow();
  await advance(rig, await leaseTurn(rig), run("a"));
  const first = await leaseNode(rig, "nodes-1");
  await rig.runner.deliver({ ...lease(first), items: [event(1, 0, "step.started"), modelStep(1, "half")] });
  rig.registry.runnerDied("nodes-1");
  const second = await leaseNode(rig, "nodes-2");
  expect(second.task).toMatchObject({ run: 1, node: "a", attempt: 2, steps: [{ step: 1, phase: "finished" }] });
  await succeed(rig, second);
  expect(await readAll(rig, first.task.executionId)).toEqual([
    "1 execution.queued",
    "2 execution.started",
    "3 node.started",
    "4 step.started",
    "5 node.completed",
  ]);
});

test("steps and events of two runs are told apart though their numbers are the same", async () => {
  await using rig = await startWorkflow();
  await advance(rig, await leaseTurn(rig), run("a", "b"));
  const [a, b] = [await leaseNode(rig), await leaseNode(rig)];
  for (const held of [a, b]) {
    const items = [event(1, 0, "message.completed", { text: held.task.node }), modelStep(1, held.task.node)];
    await rig.runner.deliver({ ...lease(held), items });
    await rig.runner.deliver({ ...lease(held), items });
  }
  const { steps } = await rig.engine.get(a.task.executionId);
  expect(steps).toMatchObject([
    { run: 1, text: "a" },
    { run: 2, text: "b" },
  ]);
  const events = await readAll(rig, a.task.executionId);
  expect(events.filter((line) => line.includes("message.completed"))).toHaveLength(2);
});

test("a node whose runners keep dying fails its run, and the workflow decides about that", async () => {
  await using rig = await startWorkflow();
  await advance(rig, await leaseTurn(rig), run("a"));
  for (let death = 1; death <= MAX_DEATHS; death += 1) {
    await leaseNode(rig, `nodes-${death}`);
    rig.registry.runnerDied(`nodes-${death}`);
  }
  const turn = await leaseTurn(rig);
  expect(turn.task.runs).toMatchObject([
    { phase: "failed", error: { message: expect.stringContaining("died 5 times") } },
  ]);
});

test("a workflow whose turns kill their runner fails", async () => {
  await using rig = await startWorkflow();
  let id = "";
  for (let death = 1; death <= MAX_DEATHS; death += 1) {
    id = (await leaseTurn(rig, `turns-${death}`)).task.executionId;
    rig.registry.runnerDied(`turns-${death}`);
  }
  expect(await rig.engine.get(id)).toMatchObject({ phase: "failed", error: { code: "EXECUTION_FAILED" } });
});

test("a decision that would leave the workflow waiting for nothing fails it", async () => {
  await using rig = await startWorkflow();
  const turn = await leaseTurn(rig);
  await advance(rig, turn, run());
  expect(await rig.engine.get(turn.task.executionId)).toMatchObject({ phase: "failed", error: { code: "INTERNAL" } });
});

test("a node that ends without values for its outputs fails", async () => {
  await using rig = await startWorkflow();
  await advance(rig, await leaseTurn(rig), run("a"));
  const node = await leaseNode(rig);
  await rig.runner.complete({
    ...lease(node),
    items: [],
    outcome: { phase: "succeeded", output: "x", tokens: TOKENS },
  });
  expect((await leaseTurn(rig)).task.runs).toMatchObject([{ phase: "failed", error: { code: "INTERNAL" } }]);
});

test("a turn ends by what it decided, every other task by its outcome", async () => {
  await using rig = await startWorkflow();
  const turn = await leaseTurn(rig);
  const outcome = { phase: "succeeded" as const, output: null, tokens: TOKENS };
  await expect(rig.runner.complete({ ...lease(turn), items: [], outcome })).rejects.toMatchObject({ code: "USAGE" });
  await advance(rig, turn, run("a"));
  const node = await leaseNode(rig);
  await expect(advance(rig, node, run("b"))).rejects.toMatchObject({ code: "USAGE" });
});

test("the time limit counts while a task is held or nobody serves its queue, and not while it waits behind others", async () => {
  const clock = new ManualClock();
  await using rig = await startWorkflow({ clock, timeoutMs: 10_000 });
  const turn = await leaseTurn(rig);
  const id = turn.task.executionId;
  clock.advance(4_000);
  const { sessionId } = rig.runner.hello(hello({ runnerId: "busy", concurrency: 1 }));
  await advance(rig, turn, run("a"));
  clock.advance(20_000); // Its queue is served.
  expect(await rig.engine.get(id)).toMatchObject({ phase: "running" });
  rig.runner.bye(sessionId);
  clock.advance(5_999);
  expect(await rig.engine.get(id)).toMatchObject({ phase: "running" });
  clock.advance(1);
  expect(await rig.engine.get(id)).toMatchObject({ phase: "timed_out" });
});

test("every runner of a workflow whose time is up is asked to stop, and the server ends it after a grace", async () => {
  const clock = new ManualClock();
  await using rig = await startWorkflow({ clock, timeoutMs: 10_000 });
  await advance(rig, await leaseTurn(rig), run("a", "b"));
  const [a, b] = [await leaseNode(rig), await leaseNode(rig)];
  clock.advance(10_000);
  const asked = [a, b].map(({ sessionId, task }) => rig.runner.heartbeat({ sessionId, leaseIds: [task.leaseId] }));
  expect(asked.map(({ cancel }) => cancel[0]?.reason)).toEqual(["timed_out", "timed_out"]);
  await rig.runner.complete({ ...lease(a), items: [], outcome: { phase: "timed_out" } });
  expect(await rig.engine.get(a.task.executionId)).toMatchObject({ phase: "running" });
  clock.advance(STOP_GRACE_MS);
  expect(await rig.engine.get(a.task.executionId)).toMatchObject({ phase: "timed_out" });
  expect(rig.runner.heartbeat({ sessionId: b.sessionId, leaseIds: [b.task.leaseId] }).lost).toHaveLength(1);
});

test("a run that ends while its workflow is being cancelled is kept, and asks for no turn", async () => {
  await using rig = await startWorkflow();
  await advance(rig, await leaseTurn(rig), run("a", "b"));
  const [a, b] = [await leaseNode(rig), await leaseNode(rig)];
  const cancelled = rig.engine.cancel(a.task.executionId);
  await succeed(rig, a);
  await rig.runner.complete({ ...lease(b), items: [], outcome: { phase: "cancelled" } });
  expect(await cancelled).toBe("cancelled");
  const { nodes } = await rig.engine.get(a.task.executionId);
  expect(nodes.map(({ phase }) => phase)).toEqual(["succeeded", "cancelled"]);
});

test("a turn under way when the workflow is cancelled decides nothing any more", async () => {
  await using rig = await startWorkflow();
  const turn = await leaseTurn(rig);
  const cancelled = rig.engine.cancel(turn.task.executionId);
  await expect
    .poll(() => rig.runner.heartbeat({ sessionId: turn.sessionId, leaseIds: [turn.task.leaseId] }).cancel.length)
    .toBe(1);
  await advance(rig, turn, run("a"));
  expect(await cancelled).toBe("cancelled");
  expect((await rig.engine.get(turn.task.executionId)).nodes).toEqual([]);
});

test("a server that is killed between any two steps of a workflow repeats no finished run and tells nothing twice", async () => {
  let rig = await startWorkflow();
  const restart = async (): Promise<void> => {
    rig = await rig.restart({ clock: new ManualClock() });
  };
  await restart(); // Queued.
  const turn = await leaseTurn(rig);
  await restart(); // A turn is under way.
  await advance(rig, turn, run("a", "b"));
  await restart(); // Two runs wait.
  const [a, b] = [await leaseNode(rig), await leaseNode(rig)];
  await rig.runner.deliver({ ...lease(a), items: [modelStep(1, "a")] });
  await restart(); // Two runs are under way.
  await succeed(rig, a);
  await restart(); // One has ended and the next turn waits.
  const second = await leaseTurn(rig);
  await succeed(rig, b);
  await restart(); // The other ended while a turn was under way that does not know of it.
  await advance(rig, second, run("a", "b"));
  await restart();
  const third = await leaseTurn(rig);
  expect(third.task.runs.map(({ phase }) => phase)).toEqual(["succeeded", "succeeded"]);
  await advance(rig, third, { kind: "finish", output: {} });
  await using after = await rig.restart({ clock: new ManualClock() });
  expect(await readAll(after, turn.task.executionId)).toEqual([
    "1 execution.queued",
    "2 execution.started",
    "3 node.started",
    "4 node.started",
    "5 node.completed",
    "6 node.completed",
    "7 execution.succeeded",
  ]);
  expect(after.store.tasks.list()).toEqual([]);
  expect(after.store.unfinished.list()).toEqual([]);
});

test("leases of turns and node runs run out when their runners are not heard of", async () => {
  const clock = new ManualClock();
  await using rig = await startWorkflow({ clock });
  await leaseTurn(rig, "turns-1");
  clock.advance(LEASE_MS);
  await advance(rig, await leaseTurn(rig, "turns-2"), run("a"));
  await leaseNode(rig, "nodes-1");
  clock.advance(LEASE_MS);
  expect((await leaseNode(rig, "nodes-2")).task).toMatchObject({ node: "a", attempt: 2 });
});

interface Held<T> {
  sessionId: string;
  task: T;
}

/** A rig with one execution of a workflow of three nodes in its queue. */
async function startWorkflow(options: Parameters<typeof createEngineRig>[0] = {}): Promise<EngineRig> {
  const rig = await createEngineRig({ clock: new ManualClock(), ...options });
  applyWorkflow(rig, "three", { nodes: { a: {}, b: {}, c: {} }, timeoutSeconds: 600 });
  await rig.engine.run(runRequest("three", { kind: "workflow" }));
  return rig;
}

let boots = 0;

async function leaseTurn(rig: EngineRig, runnerId = `turns-boot-${++boots}`): Promise<Held<WorkflowTask>> {
  const { sessionId } = rig.runner.hello(hello({ runnerId, queue: QUEUES.workflow }));
  return { sessionId, task: ofKind(await pollAny(rig, sessionId), "workflow") };
}

async function leaseNode(rig: EngineRig, runnerId = `nodes-boot-${++boots}`): Promise<Held<NodeTask>> {
  const { sessionId } = rig.runner.hello(hello({ runnerId }));
  return { sessionId, task: ofKind(await pollAny(rig, sessionId), "node") };
}

async function leasedNow(rig: EngineRig, sessionId: string): Promise<unknown[]> {
  const gone = new AbortController();
  const poll = rig.runner.poll({ sessionId, capacity: 1 }, gone.signal).catch(() => ({ tasks: [] }));
  gone.abort(new Error("enough"));
  return (await poll).tasks;
}

/** These nodes as the first runs of the workflow. */
function run(...nodes: string[]): Decision {
  return { kind: "run", runs: nodes.map((node, index) => ({ run: index + 1, node, iteration: 1, state: {} })) };
}

async function advance(rig: EngineRig, held: Held<{ leaseId: string }>, decision: Decision): Promise<void> {
  await rig.runner.advance({ ...lease(held), decision });
}

async function succeed(rig: EngineRig, held: Held<NodeTask>): Promise<void> {
  const output = { [held.task.node]: "x" };
  await rig.runner.complete({ ...lease(held), items: [], outcome: { phase: "succeeded", output, tokens: TOKENS } });
}

function lease({ sessionId, task }: Held<{ leaseId: string }>): { sessionId: string; leaseId: string } {
  return { sessionId, leaseId: task.leaseId };
}
