import { LEASE_MS } from "@stigmer/agent-runner/protocol";
import { expect, test } from "vitest";
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
import { event } from "../../support/scripted-worker.ts";

const OUTCOME = { phase: "succeeded" as const, output: "done", tokens: { input: 0, output: 0 } };

test("while nothing can be written a runner is refused and keeps its lease; once there is room it is served", async () => {
  await using rig = await createEngineRig({ clock: new ManualClock() });
  applyAgent(rig, "hello");
  const executionId = await rig.engine.run(runRequest("hello"));
  const { sessionId } = rig.runner.hello(hello());
  const makeRoom = fillDisk(rig);
  await expect(pollOne(rig, sessionId)).rejects.toMatchObject({ code: "DISK_FULL" });
  makeRoom();
  const task = await pollOne(rig, sessionId);
  const items = [event(0, 0, "execution.started")];
  const makeRoomAgain = fillDisk(rig);
  const done = { sessionId, leaseId: task.leaseId, items, outcome: OUTCOME };
  await expect(rig.runner.complete(done)).rejects.toMatchObject({ code: "DISK_FULL" });
  makeRoomAgain();
  await rig.runner.complete(done);
  expect(await readAll(rig, executionId)).toEqual([
    "1 execution.queued",
    "2 execution.started",
    "3 execution.succeeded",
  ]);
});

test("an execution is queued though the runner that waits for it cannot be given it", async () => {
  await using rig = await createEngineRig({ clock: new ManualClock() });
  applyAgent(rig, "hello");
  const { sessionId } = rig.runner.hello(hello());
  const poll = expect(pollOne(rig, sessionId)).rejects.toMatchObject({ code: "DISK_FULL" });
  const { lease } = rig.store.tasks;
  Object.assign(rig.store.tasks, { lease: fail });
  const executionId = await rig.engine.run(runRequest("hello"));
  await poll;
  Object.assign(rig.store.tasks, { lease });
  expect(await pollOne(rig, sessionId)).toMatchObject({ executionId, attempt: 1 });
});

test("a lease that runs out while nothing can be written is freed when there is room again", async () => {
  const clock = new ManualClock();
  await using rig = await createEngineRig({ clock });
  applyAgent(rig, "hello");
  const executionId = await rig.engine.run(runRequest("hello"));
  await leaseOne(rig);
  const makeRoom = fillDisk(rig);
  clock.advance(LEASE_MS);
  clock.advance(5_000);
  expect(rig.faults).toHaveLength(6);
  makeRoom();
  clock.advance(1_000);
  expect((await leaseOne(rig, { runnerId: "runner-2" })).task).toMatchObject({ executionId, attempt: 2 });
});

function fail(): never {
  throw new AppError("DISK_FULL", "The disk is full", { retryable: true });
}

/** From now on every transaction fails as on a full disk, until the returned function is called. */
function fillDisk({ store }: Pick<Awaited<ReturnType<typeof createEngineRig>>, "store">): () => void {
  const { transaction, tasks } = store;
  const { release } = tasks;
  Object.assign(store, { transaction: fail });
  Object.assign(tasks, { release: fail });
  return () => {
    Object.assign(store, { transaction });
    Object.assign(tasks, { release });
  };
}
