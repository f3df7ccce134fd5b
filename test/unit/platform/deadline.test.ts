import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { DeadlineError, withDeadline } from "../../../src/platform/deadline.ts";
import { ManualClock } from "../../support/manual-clock.ts";

/** Work that ends only when it is told to stop, and tells why it was. */
function endlessWork() {
  const seen: { reason: unknown } = { reason: null };
  const work = (signal: AbortSignal) =>
    new Promise<never>(() => {
      signal.addEventListener("abort", () => {
        seen.reason = signal.reason;
      });
    });
  return { work, seen };
}

test("the result comes through, with no timer and no listener left", async () => {
  const clock = new ManualClock();
  const { signal } = new AbortController();
  const result = await withDeadline(async () => 42, { what: "the answer", timeoutMs: 100, signal, clock });
  expect(result).toBe(42);
  expect(clock.pending).toBe(0);
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

test("what the work throws comes through as it is", async () => {
  const failure = new Error("broken");
  const failing = withDeadline(() => Promise.reject(failure), { what: "it", timeoutMs: 100, clock: new ManualClock() });
  await expect(failing).rejects.toBe(failure);
});

test("at the deadline the error says what was awaited and how long, and the work is told to stop", async () => {
  const clock = new ManualClock();
  const { signal } = new AbortController();
  const { work, seen } = endlessWork();
  const waiting = withDeadline(work, { what: "the server's answer", timeoutMs: 2500, signal, clock });
  clock.advance(2500);
  const error = await waiting.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(DeadlineError);
  expect(error).toMatchObject({
    message: "waited 2.5 s for the server's answer",
    what: "the server's answer",
    waitedMs: 2500,
  });
  expect(seen.reason).toBe(error);
  expect(clock.pending).toBe(0);
  expect(getEventListeners(signal, "abort")).toHaveLength(0);
});

test("an abort from outside ends the wait with its reason and is passed on to the work", async () => {
  const clock = new ManualClock();
  const controller = new AbortController();
  const { work, seen } = endlessWork();
  const waiting = withDeadline(work, { what: "it", timeoutMs: 100, signal: controller.signal, clock });
  controller.abort("stop");
  await expect(waiting).rejects.toBe("stop");
  expect(seen.reason).toBe("stop");
  expect(clock.pending).toBe(0);
});

test("work under a signal that is aborted already is not begun", async () => {
  let begun = false;
  const work = async () => {
    begun = true;
  };
  const waiting = withDeadline(work, { what: "it", timeoutMs: 100, signal: AbortSignal.abort("no") });
  await expect(waiting).rejects.toBe("no");
  expect(begun).toBe(false);
});

test("a failure that comes after the deadline is nobody's unhandled rejection", async () => {
  const clock = new ManualClock();
  let fail = (_error: Error): void => {};
  const work = () =>
    new Promise<never>((_resolve, reject) => {
      fail = reject;
    });
  const waiting = withDeadline(work, { what: "it", timeoutMs: 10, clock });
  clock.advance(10);
  await expect(waiting).rejects.toBeInstanceOf(DeadlineError);
  fail(new Error("too late"));
});
