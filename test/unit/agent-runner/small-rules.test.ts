import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseDurationMs } from "../../../agent-runner/src/definitions/duration.ts";
import { nearestName } from "../../../agent-runner/src/definitions/nearest.ts";
import { parseRetryAfterMs } from "../../../agent-runner/src/models/retry-after.ts";
import { reconnectPauseMs } from "../../../agent-runner/src/session/backoff.ts";
import { VERSION } from "../../../agent-runner/src/version.ts";

test.each(["package.json", "agent-runner/package.json"])("the runner's version is that of %s", (path) => {
  const manifest = JSON.parse(readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8"));
  expect(VERSION).toBe(manifest.version);
});

test.each([
  ["30s", 30_000],
  ["10m", 600_000],
  ["1h30m", 5_400_000],
  ["", null],
  ["0s", null],
  ["10", null],
  ["10 m", null],
  ["30m1h", null],
  ["-5s", null],
])("the duration %j is %s ms", (text, ms) => {
  expect(parseDurationMs(text)).toBe(ms);
});

describe("the nearest name", () => {
  const known = ["instructions", "tools", "limits", "model"];

  test.each([
    ["instructons", "instructions"],
    ["tolos", "tools"],
    ["Limits", "limits"],
    ["modle", "model"],
    ["color", null],
    ["x", null],
  ])("of %s is %s", (name, nearest) => {
    expect(nearestName(name, known)).toBe(nearest);
  });
});

describe("Retry-After", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");

  test.each([
    [{ "retry-after": "2" }, 2_000],
    [{ "retry-after": "0" }, 0],
    [{ "retry-after": "Thu, 01 Jan 2026 00:00:03 GMT" }, 3_000],
    [{ "retry-after": "Wed, 31 Dec 2025 00:00:00 GMT" }, 0],
    [{ "retry-after-ms": "250", "retry-after": "9" }, 250],
    [{ "retry-after": "soon" }, null],
    [{}, null],
  ])("%j asks for %s ms", (headers, ms) => {
    expect(parseRetryAfterMs(headers as Record<string, string>, now)).toBe(ms);
  });
});

test("the pause before a reconnection doubles from 100 to 500 ms, less up to half of it", () => {
  expect([0, 1, 2, 3, 9].map((attempt) => reconnectPauseMs(attempt, 0))).toEqual([100, 200, 400, 500, 500]);
  expect([0, 3].map((attempt) => reconnectPauseMs(attempt, 0.999))).toEqual([50, 250]);
});
