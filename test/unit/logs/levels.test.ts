import { expect, test } from "vitest";
import { statedLevel } from "../../../src/logs/levels.ts";
import { lineFilter } from "../../../src/logs/line-filter.ts";
import type { LineRef } from "../../../src/logs/source.ts";

test.each([
  ["INFO polling", "info"],
  ["WARN: low", "warn"],
  ["[error] it broke", "error"],
  ["  DEBUG|x", "debug"],
  ['{"level":30,"msg":"x"}', "info"],
  ['{"time":1,"severity":"WARNING"}', "warn"],
  ["time=2026-01-01T00:00:00Z level=error msg=x", "error"],
  ["fatal", "fatal"],
  ["information is power", null],
  ["the level is info", null],
  ["", null],
  ["{not json", null],
])("the level of %j is %s", (text, level) => {
  expect(statedLevel(Buffer.from(text))).toBe(level);
});

test("a level keeps itself, the more severe, and lines without one", () => {
  const keeps = lineFilter({ sinceMs: null, untilMs: null, grep: null, level: "warn" });
  const levels = [null, "trace", "debug", "info", "warn", "error", "fatal"];
  expect(levels.filter((level) => keeps?.(line({ level })))).toEqual([null, "warn", "error", "fatal"]);
});

test("since and until include the moment they name", () => {
  const keeps = lineFilter({ sinceMs: 10, untilMs: 20, grep: null, level: null });
  expect([9, 10, 20, 21].filter((timeMs) => keeps?.(line({ timeMs })))).toEqual([10, 20]);
});

test("a global expression matches every line it should, not every second one", () => {
  const keeps = lineFilter({ sinceMs: null, untilMs: null, grep: /o/g, level: null });
  expect([1, 2, 3].map(() => keeps?.(line({ text: "foo" })))).toEqual([true, true, true]);
});

test("a query without conditions has no filter", () => {
  expect(lineFilter({ sinceMs: null, untilMs: null, grep: null, level: null })).toBeNull();
});

function line({
  text = "",
  timeMs = 0,
  level = null,
}: {
  text?: string;
  timeMs?: number;
  level?: string | null;
}): LineRef {
  const buffer = Buffer.from(text);
  return {
    type: "line",
    component: "workflow-runner",
    timeMs,
    stream: "stdout",
    level,
    isStart: false,
    buffer,
    start: 0,
    end: buffer.length,
  };
}
