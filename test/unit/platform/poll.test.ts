import { expect, test } from "vitest";
import { pollUntil } from "../../../src/platform/poll.ts";
import { ManualClock } from "../../support/manual-clock.ts";

/** Lets everything run that waits for no timer. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

test("the probe is asked at once and after each interval, until it has an answer", async () => {
  const clock = new ManualClock();
  const answers = [null, undefined, false, "there"] as const;
  let asked = 0;
  const polling = pollUntil({
    what: "it",
    probe: () => answers[asked++],
    timeoutMs: 1000,
    intervalMs: 10,
    clock,
  });
  for (let round = 1; round < answers.length; round += 1) {
    await settle();
    expect(asked).toBe(round);
    clock.advance(10);
  }
  expect(await polling).toBe("there");
  expect(clock.pending).toBe(0);
});

test("zero and the empty text are answers", async () => {
  const clock = new ManualClock();
  expect(await pollUntil({ what: "it", probe: () => 0, timeoutMs: 10, intervalMs: 1, clock })).toBe(0);
  expect(await pollUntil({ what: "it", probe: async () => "", timeoutMs: 10, intervalMs: 1, clock })).toBe("");
});

test("a probe that never answers is covered by the deadline", async () => {
  const clock = new ManualClock();
  const polling = pollUntil({
    what: "the port to be free",
    probe: () => new Promise<null>(() => {}),
    timeoutMs: 300,
    intervalMs: 10,
    clock,
  });
  clock.advance(300);
  await expect(polling).rejects.toThrow("waited 300 ms for the port to be free");
});

test("a probe that throws ends the wait", async () => {
  const probe = () => {
    throw new Error("no use");
  };
  await expect(pollUntil({ what: "it", probe, timeoutMs: 10, intervalMs: 1 })).rejects.toThrow("no use");
});

test("an abort between two probes ends the wait and the probing", async () => {
  const clock = new ManualClock();
  const controller = new AbortController();
  let asked = 0;
  const probe = () => {
    asked += 1;
    return null;
  };
  const polling = pollUntil({ what: "it", probe, timeoutMs: 1000, intervalMs: 10, signal: controller.signal, clock });
  controller.abort("stop");
  await expect(polling).rejects.toBe("stop");
  clock.advance(100);
  await settle();
  expect(asked).toBe(1);
});
