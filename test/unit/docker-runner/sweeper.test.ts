import { expect, test } from "vitest";
import type { ContainerListItem } from "../../../src/docker/container-documents.ts";
import { LABEL } from "../../../src/docker/labels.ts";
import { Activity } from "../../../src/docker-runner/lifecycle/activity.ts";
import { Sweeper } from "../../../src/docker-runner/lifecycle/sweeper.ts";
import { ManualClock } from "../../support/manual-clock.ts";

/** An engine with containers, whose removals fail as often as the test says. */
function createRig(containers: Partial<ContainerListItem>[] = []) {
  const clock = new ManualClock();
  const activity = new Activity(() => clock.monotonicMs());
  const calls: string[] = [];
  const rig = {
    failures: 0,
    isDown: false,
    hold: null as Promise<void> | null,
    listHold: null as Promise<void> | null,
  };
  const sweeper = new Sweeper({
    activity,
    clock,
    label: "label",
    log: () => {},
    engine: {
      async list() {
        if (rig.isDown) throw new Error("down");
        await rig.listHold;
        return containers.map(
          (container) => ({ Labels: null, State: "running", Created: 0, ...container }) as ContainerListItem,
        );
      },
      async stopContainer(id) {
        calls.push(`stop ${id}`);
        await rig.hold;
        if (rig.failures > 0) {
          rig.failures -= 1;
          throw new Error("busy");
        }
      },
      async removeContainer(id) {
        calls.push(`remove ${id}`);
      },
    },
  });
  return {
    rig,
    clock,
    activity,
    sweeper,
    calls,
    /** Lets time pass in steps that leave room for what was started. */
    async pass(ms: number) {
      for (let passed = 0; passed < ms; passed += 500) {
        clock.advance(500);
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

function withTtl(id: string, seconds: number): Partial<ContainerListItem> {
  return { Id: id, Labels: { [LABEL.ttlSeconds]: String(seconds) } };
}

test("a container is stopped and removed once its time is over, and not before", async () => {
  const { calls, pass, sweeper } = createRig([withTtl("a", 10), withTtl("b", 1000), { Id: "c" }]);
  sweeper.start();
  await pass(9_500);
  expect(calls).toEqual([]);
  await pass(6_000);
  expect(calls).toEqual(["stop a", "remove a"]);
});

test("labels that are no time to live expire nobody", async () => {
  const { calls, pass, sweeper } = createRig([
    { Id: "a", Labels: { [LABEL.ttlSeconds]: "" } },
    { Id: "b", Labels: { [LABEL.ttlSeconds]: "-5" } },
    { Id: "c", Labels: { [LABEL.ttlSeconds]: "soon" } },
  ]);
  sweeper.start();
  await pass(10_000);
  expect(calls).toEqual([]);
});

test("a removal that fails is tried again, each time later", async () => {
  const { calls, pass, rig, sweeper } = createRig([withTtl("a", 1)]);
  rig.failures = 3;
  sweeper.start();
  await pass(2_000);
  expect(calls).toEqual(["stop a"]);
  await pass(2_000);
  expect(calls.length).toBe(2);
  await pass(3_000);
  expect(calls.length).toBe(3);
  await pass(10_000);
  expect(calls).toEqual(["stop a", "stop a", "stop a", "stop a", "remove a"]);
});

test("a container is claimed while it is being removed", async () => {
  const { calls, pass, rig, sweeper } = createRig([withTtl("a", 1)]);
  let release = () => {};
  rig.hold = new Promise((resolve) => {
    release = resolve;
  });
  sweeper.start();
  await pass(30_000);
  expect(calls).toEqual(["stop a"]);
  expect(sweeper.isLeaving("a")).toBe(true);
  release();
  await pass(1_000);
  expect(calls).toEqual(["stop a", "remove a"]);
  expect(sweeper.isLeaving("a")).toBe(false);
});

test("a container that is started while the engine makes its list keeps its time to live", async () => {
  const { activity, calls, pass, rig, sweeper } = createRig();
  let release = () => {};
  rig.listHold = new Promise((resolve) => {
    release = resolve;
  });
  sweeper.start();
  activity.watch("new", 5_000);
  release();
  await pass(7_000);
  expect(calls).toEqual(["stop new", "remove new"]);
});

test("an engine that is down at the start is asked again", async () => {
  const { calls, pass, rig, sweeper } = createRig([withTtl("a", 1)]);
  rig.isDown = true;
  sweeper.start();
  await pass(10_000);
  rig.isDown = false;
  await pass(5_000);
  expect(calls).toEqual(["stop a", "remove a"]);
});

test("what was made and never started goes, when it is old enough to be nobody's work under way", async () => {
  const nowSeconds = Date.parse("2026-01-01T00:00:00Z") / 1000;
  const { calls, pass, sweeper } = createRig([
    { Id: "old", State: "created", Created: nowSeconds - 600 },
    { Id: "new", State: "created", Created: nowSeconds - 5 },
  ]);
  sweeper.start();
  await pass(1_000);
  expect(calls).toEqual(["stop old", "remove old"]);
});

test("a stopped sweeper looks no more", async () => {
  const { clock, pass, sweeper } = createRig();
  sweeper.start();
  await pass(1_000);
  sweeper.stop();
  expect(clock.pending).toBe(0);
});
