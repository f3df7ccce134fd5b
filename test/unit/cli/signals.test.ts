import { expect, test } from "vitest";
import { createInterrupts } from "../../../src/cli/signals.ts";

function rig() {
  const clock = { ms: 1_000 };
  return { clock, interrupts: createInterrupts({ nowMs: () => clock.ms }) };
}

test("the first signal stops, with an INTERRUPTED as its reason", () => {
  const { interrupts } = rig();
  expect([interrupts.signal.aborted, interrupts.exitCode()]).toEqual([false, null]);
  interrupts.receive("SIGINT");
  expect(interrupts.signal.reason).toMatchObject({ code: "INTERRUPTED" });
  expect([interrupts.forceSignal.aborted, interrupts.exitCode()]).toEqual([false, 130]);
});

test("signals within 100 ms of the first are its echo", () => {
  const { clock, interrupts } = rig();
  interrupts.receive("SIGINT");
  clock.ms += 100;
  interrupts.receive("SIGINT");
  interrupts.receive("SIGTERM");
  expect([interrupts.forceSignal.aborted, interrupts.exitCode()]).toEqual([false, 130]);
});

test("a later signal forces and keeps the exit code of the first", () => {
  const { clock, interrupts } = rig();
  interrupts.receive("SIGTERM");
  clock.ms += 101;
  interrupts.receive("SIGINT");
  expect([interrupts.forceSignal.aborted, interrupts.exitCode()]).toEqual([true, 143]);
});

test("a lost terminal ends like SIGTERM", () => {
  const { interrupts } = rig();
  interrupts.receive("SIGHUP");
  expect(interrupts.exitCode()).toBe(143);
});

test("a reader that went away stops the command without the exit code of a signal", () => {
  const { interrupts } = rig();
  interrupts.stopForClosedOutput();
  expect([interrupts.signal.aborted, interrupts.exitCode()]).toEqual([true, null]);
});
