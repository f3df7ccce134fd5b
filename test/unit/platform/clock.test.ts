import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { sleep } from "../../../src/platform/clock.ts";
import { ManualClock } from "../../support/manual-clock.ts";

test("sleep ends when its time has passed, not before", async () => {
  const clock = new ManualClock();
  let woke = false;
  const sleeping = sleep(1000, { clock }).then(() => {
    woke = true;
  });
  clock.advance(999);
  await Promise.resolve();
  expect(woke).toBe(false);
  clock.advance(1);
  await sleeping;
  expect(clock.pending).toBe(0);
});

test("sleep rejects with the signal's reason and leaves neither a timer nor a listener", async () => {
  const clock = new ManualClock();
  const controller = new AbortController();
  const sleeping = sleep(1000, { clock, signal: controller.signal });
  const reason = new Error("enough");
  controller.abort(reason);
  await expect(sleeping).rejects.toBe(reason);
  expect(clock.pending).toBe(0);
  expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
});

test("sleep that ends by itself leaves no listener on the signal", async () => {
  const clock = new ManualClock();
  const { signal } = new AbortController();
  const sleeping = sleep(10, { clock, signal });
  clock.advance(10);
  await sleeping;
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

test("sleep under a signal that is aborted already does not start", async () => {
  const clock = new ManualClock();
  await expect(sleep(10, { clock, signal: AbortSignal.abort("no") })).rejects.toBe("no");
  expect(clock.pending).toBe(0);
});

test("a jump of the wall clock moves no timer", () => {
  const clock = new ManualClock();
  let fired = 0;
  clock.setTimer(() => {
    fired += 1;
  }, 100);
  clock.jumpWallClock(3_600_000);
  clock.advance(99);
  expect(fired).toBe(0);
  clock.jumpWallClock(-7_200_000);
  clock.advance(1);
  expect(fired).toBe(1);
});
