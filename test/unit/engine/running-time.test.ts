import { expect, test } from "vitest";
import { RunningTime } from "../../../src/engine/embedded/running-time.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function create(limitMs: number, usedMs = 0) {
  const clock = new ManualClock();
  const state = { isUp: false };
  const time = new RunningTime({ clock, limitMs, usedMs, onUp: () => Object.assign(state, { isUp: true }) });
  return { clock, time, state };
}

test("only the time between start and stop counts", () => {
  const { clock, time, state } = create(1_000);
  clock.advance(5_000);
  time.start();
  clock.advance(400);
  time.stop();
  clock.advance(5_000);
  expect([time.usedMs, time.remainingMs, state.isUp]).toEqual([400, 600, false]);
  time.start();
  clock.advance(599);
  expect(state.isUp).toBe(false);
  clock.advance(1);
  expect(state.isUp).toBe(true);
});

test("what an earlier server counted is counted on", () => {
  const { clock, time, state } = create(1_000, 900);
  time.start();
  clock.advance(100);
  expect(state.isUp).toBe(true);
});

test("starting twice counts once, stopping twice is nothing", () => {
  const { clock, time } = create(1_000);
  time.start();
  clock.advance(100);
  time.start();
  clock.advance(100);
  time.stop();
  time.stop();
  expect([time.usedMs, clock.pending]).toEqual([200, 0]);
});

test("a timer that fires early is set again", () => {
  const clock = new ManualClock();
  // The system's clock caps the delay of a timer at 24.8 days.
  const capped = {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    setTimer: (callback: () => void, delayMs: number) => clock.setTimer(callback, Math.min(delayMs, 300)),
  };
  let ups = 0;
  const time = new RunningTime({ clock: capped, limitMs: 1_000, usedMs: 0, onUp: () => (ups += 1) });
  time.start();
  clock.advance(999);
  expect(ups).toBe(0);
  clock.advance(1);
  expect(ups).toBe(1);
});
