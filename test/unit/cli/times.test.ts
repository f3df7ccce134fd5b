import { expect, test } from "vitest";
import { readDuration, readMoment } from "../../../src/cli/times.ts";

const NOW = Date.parse("2026-03-01T12:00:00Z");

test.each([
  ["10m", "2026-03-01T11:50:00Z"],
  ["1h30m", "2026-03-01T10:30:00Z"],
  ["2026-02-28T08:00:00Z", "2026-02-28T08:00:00Z"],
  ["2026-02-28T08:00:00.5+02:00", "2026-02-28T06:00:00.500Z"],
])("%s as a moment", (text, moment) => expect(readMoment(text, "--since", NOW)).toBe(Date.parse(moment)));

test.each(["yesterday", "10", "2026-02-28", "2026-02-28T08:00:00", "2026-13-01T00:00:00Z", ""])(
  "%j as a moment is a usage error with an example of each form",
  (text) =>
    expect(() => readMoment(text, "--since", NOW)).toThrow(
      `--since must be a time such as 30s, 10m, 1h30m or 2026-03-01T12:00:00Z, not "${text}"`,
    ),
);

test.each(["0s", "5", "ten", "-1s"])("%s as a timeout is a usage error with an example", (text) =>
  expect(() => readDuration(text, "--timeout")).toThrow(
    `--timeout must be a time such as 30s, 10m or 1h30m, not "${text}"`,
  ),
);
