import { describe, expect, test } from "vitest";
import type { ComponentState, ComponentStatus } from "../../../src/stack/component.ts";
import { type SupervisionState, transition } from "../../../src/stack/state.ts";
import { statusExitCode, summarise } from "../../../src/stack/summary.ts";

describe("the state of a component", () => {
  test("goes its ordinary way", () => {
    const way: SupervisionState[] = [
      { kind: "starting", sinceMs: 0 },
      { kind: "ready", sinceMs: 1 },
      { kind: "backoff", retryAtMs: 2 },
      { kind: "starting", sinceMs: 3 },
      { kind: "ready", sinceMs: 4 },
      { kind: "stopping" },
      { kind: "stopped", byUser: true },
    ];
    const end = way.reduce(transition, { kind: "stopped", byUser: false });
    expect(end).toEqual({ kind: "stopped", byUser: true });
  });

  test("a stopped component does not become ready without a start", () => {
    const stopped: SupervisionState = { kind: "stopped", byUser: true };
    expect(() => transition(stopped, { kind: "ready", sinceMs: 0 })).toThrow("cannot go from stopped to ready");
  });

  test("a component that is being stopped is not put into backoff", () => {
    expect(() => transition({ kind: "stopping" }, { kind: "backoff", retryAtMs: 0 })).toThrow();
  });
});

describe("the state of the stack", () => {
  const cases: [ComponentState[], string, number][] = [
    [["ready", "ready", "ready"], "ready", 0],
    [["ready", "starting", "ready"], "starting", 1],
    [["ready", "backoff", "starting"], "degraded", 1],
    [["ready", "ready", "unknown"], "degraded", 1],
    [["ready", "ready", "stopped"], "degraded", 1],
    [["ready", "failed", "ready"], "degraded", 1],
    [["stopped", "stopped", "stopped"], "stopped", 3],
  ];
  test.each(cases)("%j is %s, exit %i", (states, expected, exitCode) => {
    const components = states.map((state) => ({ state }) as ComponentStatus);
    expect(summarise(components)).toBe(expected);
    expect(statusExitCode(summarise(components))).toBe(exitCode);
  });

  test("what cannot be known exits 4", () => {
    expect(statusExitCode("unknown")).toBe(4);
  });
});
